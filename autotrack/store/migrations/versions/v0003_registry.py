"""Add the registry of models."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger()
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BYTES = sa.LargeBinary()


def upgrade() -> None:
    """Create its tables."""
    _create_models()
    _create_versions()
    _create_attachments()


def _needed(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def _belongs_to(name: str, table: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False, **options)


def _create_models() -> None:
    op.create_table(
        "registered_model",
        _needed("id", ROW_ID, primary_key=True),
        *(_needed(name, TEXT) for name in ("name", "description")),
        *(_needed(name, NUMBER) for name in ("last_version", "created", "updated")),
        sa.UniqueConstraint("name"),
    )


def _create_versions() -> None:
    op.create_table(
        "model_version",
        _needed("id", ROW_ID, primary_key=True),
        _belongs_to("model_id", "registered_model"),
        _needed("version", NUMBER),
        _needed("source", TEXT),
        *(sa.Column(name, TEXT) for name in ("run_uid", "run_link", "logged_model", "user")),
        *(_needed(name, TEXT) for name in ("description", "stage", "status")),
        sa.Column("status_message", TEXT),
        _needed("flavors", BYTES),
        sa.Column("signature", BYTES),
        _needed("lineage", BYTES),
        *(_needed(name, NUMBER) for name in ("created", "updated")),
    )
    op.create_index("model_version_number", "model_version", ["model_id", "version"], unique=True)
    op.create_index("model_version_run", "model_version", ["run_uid"])


def _create_attachments() -> None:
    op.create_table(
        "model_alias",
        _belongs_to("model_id", "registered_model", primary_key=True),
        _needed("alias", TEXT, primary_key=True),
        _belongs_to("version_id", "model_version"),
    )
    op.create_index("ix_model_alias_version_id", "model_alias", ["version_id"])
    for table, column in (("registered_model", "model_id"), ("model_version", "version_id")):
        op.create_table(
            f"{table}_tag",
            _belongs_to(column, table, primary_key=True),
            _needed("key", TEXT, primary_key=True),
            _needed("value", TEXT),
        )
    op.create_table(
        "model_change",
        _needed("id", ROW_ID, primary_key=True),
        _belongs_to("model_id", "registered_model"),
        sa.Column("version", NUMBER),
        _needed("kind", TEXT),
        *(sa.Column(name, TEXT) for name in ("key", "before", "after", "user")),
        _needed("time", NUMBER),
    )
    op.create_index("ix_model_change_model_id", "model_change", ["model_id"])
