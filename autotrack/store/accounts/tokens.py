"""Tokens of programs, sessions of browsers, and passes: 256 random bits, of which the store has only a hash.

A pass opens one address for some hours, for a part of a program that is not to have the account's own token.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select

from autotrack.store.accounts.accounts import account_row
from autotrack.store.accounts.tables import account, account_token

TOKEN, SESSION, PASS = "token", "session", "pass"
PREFIX, PASS_PREFIX = "at_", "ap_"
BYTES = 32
DAY = 86_400 * 10**9
PASS_DAYS = 0.25


class Token(msgspec.Struct, frozen=True):
    """What is known of a token; times are nanoseconds since the epoch."""

    id: int
    label: str
    created: int
    expires: int | None


def new_token(
    connection: Connection, name: str, *, kind: str = TOKEN, label: str = "", days: float | None = None
) -> str:
    """Make a token and return it; nobody can read it again.

    Args:
        connection: In a transaction.
        name: Of the account.
        kind: `TOKEN`, `SESSION` of a browser, or `PASS`.
        label: What it is for; of a pass the address, which is all that it opens.
        days: How long it is good; for ever by default.

    Raises:
        AccountError: There is no such account.
    """
    word, now = (PASS_PREFIX if kind == PASS else PREFIX) + secrets.token_urlsafe(BYTES), time.time_ns()
    connection.execute(
        insert(account_token).values(
            account_id=account_row(connection, name).id,
            hash=hash_token(word),
            kind=kind,
            label=label,
            created=now,
            expires=None if days is None else now + int(days * DAY),
        )
    )
    return word


def find_account(connection: Connection, word: str, kind: str, *, label: str | None = None) -> Row[Any] | None:
    """Read the account that a token opens; None for one that is unknown, has expired, or has another label."""
    alive = or_(account_token.c.expires.is_(None), account_token.c.expires > time.time_ns())
    same = [account_token.c.hash == hash_token(word), account_token.c.kind == kind]
    if label is not None:
        same.append(account_token.c.label == label)
    return connection.execute(select(account).join(account_token).where(*same, alive)).first()


def list_tokens(connection: Connection, name: str) -> list[Token]:
    """Read the tokens of an account, the oldest first.

    Raises:
        AccountError: There is no such account.
    """
    columns = (account_token.c[field] for field in Token.__struct_fields__)
    here = (account_token.c.account_id == account_row(connection, name).id, account_token.c.kind == TOKEN)
    return [Token(*line) for line in connection.execute(select(*columns).where(*here).order_by(account_token.c.id))]


def remove_token(connection: Connection, name: str, token_id: int) -> bool:
    """Remove a token of an account, and say whether there was one.

    Raises:
        AccountError: There is no such account.
    """
    here = (account_token.c.account_id == account_row(connection, name).id, account_token.c.id == token_id)
    return bool(connection.execute(delete(account_token).where(*here)).rowcount)


def end_session(connection: Connection, word: str) -> None:
    """Forget a session, and with it all that have expired."""
    connection.execute(delete(account_token).where(or_(account_token.c.hash == hash_token(word), _is_over())))


def end_passes(connection: Connection, address: str) -> None:
    """Forget the passes to an address, and all that have expired."""
    of_it = and_(account_token.c.kind == PASS, account_token.c.label == address)
    connection.execute(delete(account_token).where(or_(of_it, _is_over())))


def _is_over() -> ColumnElement[bool]:
    return account_token.c.expires < time.time_ns()


def hash_token(word: str) -> str:
    """Return what the store has of a token."""
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()
