"""Add what a tracking server keeps: facts of experiments and runs, logged models, accounts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger()
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
FLOAT: Any = sa.Double().with_variant(sa.BLOB(), "sqlite")
BYTES = sa.LargeBinary()


def upgrade() -> None:
    """Add columns, and create its tables."""
    _add_columns()
    _create_models()
    _create_model_values()
    _create_accounts()


def _needed(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def _belongs_to(name: str, table: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False, **options)


def _add_columns() -> None:
    op.add_column("experiment", sa.Column("artifact_location", TEXT))
    for name in ("created", "updated", "deleted_at"):
        op.add_column("experiment", sa.Column(name, NUMBER))
    for name in ("user_id", "artifact_uri"):
        op.add_column("run", sa.Column(name, TEXT))
    op.add_column("dataset", sa.Column("origin", BYTES))
    op.create_table(
        "experiment_tag",
        _belongs_to("experiment_id", "experiment", primary_key=True),
        _needed("key", TEXT, primary_key=True),
        _needed("value", TEXT),
    )


def _create_models() -> None:
    op.create_table(
        "logged_model",
        _needed("id", ROW_ID, primary_key=True),
        _needed("uid", TEXT),
        _belongs_to("experiment_id", "experiment"),
        sa.Column("run_uid", TEXT),
        _needed("name", TEXT),
        sa.Column("kind", TEXT),
        _needed("status", TEXT),
        *(sa.Column(name, TEXT) for name in ("status_message", "artifact_uri")),
        *(_needed(name, NUMBER) for name in ("created", "updated")),
        sa.Column("deleted_at", NUMBER),
        sa.UniqueConstraint("uid"),
    )
    op.create_index("logged_model_experiment", "logged_model", ["experiment_id", "created"])
    op.create_index("logged_model_run", "logged_model", ["run_uid"])
    op.create_table(
        "model_use",
        _belongs_to("run_id", "run", primary_key=True),
        _needed("direction", TEXT, primary_key=True),
        _needed("model_uid", TEXT, primary_key=True),
        _needed("step", NUMBER),
    )


def _create_model_values() -> None:
    for name in ("logged_model_param", "logged_model_tag"):
        op.create_table(
            name,
            _belongs_to("model_id", "logged_model", primary_key=True),
            _needed("key", TEXT, primary_key=True),
            _needed("value", TEXT),
        )
    op.create_table(
        "logged_model_metric",
        _needed("id", ROW_ID, primary_key=True),
        _belongs_to("model_id", "logged_model"),
        *(_needed(name, TEXT) for name in ("key", "run_uid")),
        *(_needed(name, NUMBER) for name in ("step", "time")),
        sa.Column("value", FLOAT),
        *(sa.Column(name, TEXT) for name in ("dataset_name", "dataset_digest")),
    )
    point = ["model_id", "key", "run_uid", "step", "time"]
    op.create_index("logged_model_metric_point", "logged_model_metric", point, unique=True)
    op.create_table(
        "logged_model_file",
        _belongs_to("model_id", "logged_model", primary_key=True),
        _needed("path", TEXT, primary_key=True),
        _needed("size", NUMBER),
        sa.Column("sha256", TEXT),
        _needed("time", NUMBER),
    )


def _create_accounts() -> None:
    op.create_table(
        "account",
        _needed("id", ROW_ID, primary_key=True),
        *(_needed(name, TEXT) for name in ("name", "role")),
        sa.Column("password", TEXT),
        _needed("created", NUMBER),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "account_grant",
        _belongs_to("account_id", "account", primary_key=True),
        _belongs_to("experiment_id", "experiment", primary_key=True),
        _needed("role", TEXT),
    )
    op.create_table(
        "account_token",
        _needed("id", ROW_ID, primary_key=True),
        _belongs_to("account_id", "account"),
        *(_needed(name, TEXT) for name in ("hash", "kind", "label")),
        _needed("created", NUMBER),
        sa.Column("expires", NUMBER),
        sa.UniqueConstraint("hash"),
    )
    op.create_index("ix_account_token_account_id", "account_token", ["account_id"])
