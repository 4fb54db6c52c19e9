"""Add the views of the table of runs that people save."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "view",
        sa.Column("name", TEXT, primary_key=True, nullable=False),
        sa.Column("query", TEXT, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
    )
