"""The tables of accounts. A change here needs a new script in `migrations/versions`, like one in `schema.py`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Table

from autotrack.store.columns import AnyText, Key, row_id
from autotrack.store.schema import metadata

account = Table(
    "account",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("name", Key, nullable=False, unique=True),
    Column("role", AnyText, nullable=False),  # in experiments without a grant of their own
    Column("password", AnyText),  # "scrypt$n$r$p$salt$hash"; NULL: only tokens open the account
    Column("created", BigInteger, nullable=False),
)

account_grant = Table(
    "account_grant",
    metadata,
    Column("account_id", BigInteger, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("experiment_id", BigInteger, ForeignKey("experiment.id", ondelete="CASCADE"), primary_key=True),
    Column("role", AnyText, nullable=False),
)

account_token = Table(
    "account_token",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("account_id", BigInteger, ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("hash", Key, nullable=False, unique=True),  # SHA-256 of the token: 256 random bits need no slow hash
    Column("kind", AnyText, nullable=False),  # "token" of a program, or "session" of a browser
    Column("label", AnyText, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
)
