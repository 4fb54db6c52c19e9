"""What Alembic runs around the scripts: they share the connection, and so the transaction, of `store.migrate`."""

from __future__ import annotations

from alembic import context

# Importing tables makes them known to `metadata`.
from autotrack.store.accounts import tables as account_tables  # noqa: F401
from autotrack.store.registry import tables as registry_tables  # noqa: F401
from autotrack.store.schema import VERSION_TABLE, metadata
from autotrack.store.tracking import tables as tracking_tables  # noqa: F401


def run_scripts() -> None:
    """Run the scripts on the connection that `migrate` put into the configuration."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, version_table=VERSION_TABLE)
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic runs this file
    run_scripts()
