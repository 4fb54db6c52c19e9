"""The embedded store: runs in SQLite or PostgreSQL, with a filter language, migrations and compact metric series."""

from autotrack.store.store import Store

__all__ = ["Store"]
