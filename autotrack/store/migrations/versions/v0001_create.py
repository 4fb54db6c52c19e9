"""Create the tables of the first release."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger()
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
FLOAT: Any = sa.Double().with_variant(sa.BLOB(), "sqlite")
BYTES = sa.LargeBinary()


def upgrade() -> None:
    """Create all tables."""
    _create_runs()
    _create_values()
    _create_points()
    _create_attachments()
    op.create_table("writer", _needed("name", TEXT, primary_key=True), _needed("seq", NUMBER))


def _needed(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def _run_id(**options: Any) -> sa.Column[Any]:
    return sa.Column("run_id", NUMBER, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False, **options)


def _create_runs() -> None:
    op.create_table(
        "experiment", _needed("id", ROW_ID, primary_key=True), _needed("name", TEXT), sa.UniqueConstraint("name")
    )
    op.create_table(
        "run",
        _needed("id", ROW_ID, primary_key=True),
        _needed("uid", TEXT),
        _needed("name", TEXT),
        sa.Column("experiment_id", NUMBER, sa.ForeignKey("experiment.id"), nullable=False),
        sa.Column("parent_uid", TEXT),
        _needed("status", TEXT),
        sa.Column("source", TEXT),
        _needed("start_time", NUMBER),
        sa.Column("end_time", NUMBER),
        sa.Column("error", TEXT),
        sa.Column("deleted_at", NUMBER),
        sa.UniqueConstraint("uid"),
    )
    op.create_index("run_experiment", "run", ["experiment_id", "start_time"])
    op.create_index("run_start", "run", ["start_time"])
    op.create_index("run_parent", "run", ["parent_uid"])


def _create_values() -> None:
    op.create_table(
        "param",
        _run_id(primary_key=True),
        _needed("key", TEXT, primary_key=True),
        _needed("text", TEXT),
        _needed("type", TEXT),
        sa.Column("num", FLOAT),
        sa.Column("size", NUMBER),
        sa.Column("sha256", TEXT),
        sqlite_with_rowid=False,
    )
    op.create_index("param_key", "param", ["key", "run_id", "num"])
    op.create_table(
        "tag",
        _run_id(primary_key=True),
        _needed("key", TEXT, primary_key=True),
        _needed("value", TEXT),
        sqlite_with_rowid=False,
    )
    op.create_index("tag_key", "tag", ["key", "run_id"])


def _create_points() -> None:
    op.create_table(
        "series",
        _run_id(primary_key=True),
        _needed("key", TEXT, primary_key=True),
        *(_needed(name, NUMBER) for name in ("n", "nans", "tail", "first_step", "last_step", "last_time")),
        sa.Column("last", FLOAT),
        sa.Column("min", FLOAT),
        sa.Column("min_step", NUMBER),
        sa.Column("max", FLOAT),
        sa.Column("max_step", NUMBER),
        sa.Column("sum", FLOAT),
        sqlite_with_rowid=False,
    )
    op.create_index("series_key", "series", ["key", "run_id", "last", "min", "max"])
    full = sa.text("tail >= 1024")
    op.create_index("series_full", "series", ["run_id"], sqlite_where=full, postgresql_where=full)
    op.create_table(
        "metric_tail",
        _run_id(primary_key=True),
        _needed("key", TEXT, primary_key=True),
        _needed("seq", NUMBER, primary_key=True),
        _needed("data", BYTES),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_chunk",
        _needed("id", ROW_ID, primary_key=True),
        _run_id(),
        _needed("key", TEXT),
        *(_needed(name, NUMBER) for name in ("seq", "n", "first_step", "last_step")),
        sa.Column("min", FLOAT),
        sa.Column("min_step", NUMBER),
        sa.Column("min_time", NUMBER),
        sa.Column("max", FLOAT),
        sa.Column("max_step", NUMBER),
        sa.Column("max_time", NUMBER),
        sa.Column("sum", FLOAT),
        _needed("data", BYTES),
    )
    op.create_index("metric_chunk_series", "metric_chunk", ["run_id", "key", "seq"], unique=True)


def _create_attachments() -> None:
    op.create_table(
        "artifact",
        _run_id(primary_key=True),
        _needed("path", TEXT, primary_key=True),
        _needed("size", NUMBER),
        sa.Column("sha256", TEXT),
        _needed("time", NUMBER),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dataset",
        _run_id(primary_key=True),
        *(_needed(name, TEXT, primary_key=True) for name in ("name", "context", "digest")),
        _needed("schema", BYTES),
        _needed("profile", BYTES),
        sa.Column("source", TEXT),
        _needed("time", NUMBER),
    )
    op.create_table(
        "evaluation",
        _needed("id", ROW_ID, primary_key=True),
        _run_id(),
        _needed("split", TEXT),
        _needed("task", TEXT),
        _needed("report", BYTES),
        _needed("time", NUMBER),
    )
    op.create_index("ix_evaluation_run_id", "evaluation", ["run_id"])
    op.create_table(
        "model",
        _run_id(primary_key=True),
        _needed("model_id", TEXT, primary_key=True),
        _needed("name", TEXT),
        _needed("flavors", BYTES),
        sa.Column("signature", BYTES),
        _needed("size", NUMBER),
        _needed("time", NUMBER),
    )
    op.create_table(
        "note",
        _needed("id", ROW_ID, primary_key=True),
        _run_id(),
        *(_needed(name, TEXT) for name in ("code", "level", "message")),
        _needed("time", NUMBER),
    )
    op.create_index("ix_note_run_id", "note", ["run_id"])
