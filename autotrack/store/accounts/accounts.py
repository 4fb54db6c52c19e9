"""Accounts: made, listed, changed and removed."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from autotrack.errors import AccountError
from autotrack.store.accounts.passwords import hash_password
from autotrack.store.accounts.tables import account, account_token

MAX_NAME = 200


class Account(msgspec.Struct, frozen=True):
    """An account.

    Attributes:
        has_password: Whether a password opens it; else only tokens do.
        tokens: How many it has.
        created: In nanoseconds since the epoch.
    """

    name: str
    role: str
    has_password: bool
    tokens: int
    created: int


def add_account(connection: Connection, name: str, role: str, password: str | None = None) -> None:
    """Make an account.

    Raises:
        AccountError: There is one of this name, or name or password are none.
    """
    if not name.strip() or len(name) > MAX_NAME or ":" in name or not name.isprintable():
        raise AccountError(f"the name of an account has 1 to {MAX_NAME} printable characters and no colon")
    kept = None if password is None else hash_password(password)
    row = {"name": name, "role": role, "password": kept, "created": time.time_ns()}
    if connection.scalar(select(account.c.id).where(account.c.name == name)) is not None:
        raise AccountError(f"there is an account {name!r} already")
    try:
        connection.execute(insert(account).values(row))
    except IntegrityError as error:  # another process was faster
        raise AccountError(f"there is an account {name!r} already") from error


def account_row(connection: Connection, name: str) -> Row[Any]:
    """Read an account as it is stored.

    Raises:
        AccountError: There is none.
    """
    found = connection.execute(select(account).where(account.c.name == name)).first()
    if found is None:
        raise AccountError(f"there is no account {name!r}; `autotrack server users ls` lists them")
    return found


def list_accounts(connection: Connection) -> list[Account]:
    """Read all accounts, by name."""
    tokens = select(func.count()).where(account_token.c.account_id == account.c.id, account_token.c.kind == "token")
    columns = (account.c.name, account.c.role, account.c.password.is_not(None), tokens.scalar_subquery())
    found = connection.execute(select(*columns, account.c.created).order_by(account.c.name))
    return [Account(*line) for line in found]


def change_account(connection: Connection, name: str, *, role: str | None = None, password: str | None = None) -> None:
    """Give an account another role or password; with a new password all its sessions end.

    Raises:
        AccountError: There is no such account, or the password is none.
    """
    row = account_row(connection, name)
    values = {} if role is None else {"role": role}
    if password is not None:
        values["password"] = hash_password(password)
        sessions = (account_token.c.account_id == row.id, account_token.c.kind == "session")
        connection.execute(delete(account_token).where(*sessions))
    if values:
        connection.execute(update(account).where(account.c.id == row.id).values(values))


def remove_account(connection: Connection, name: str) -> None:
    """Remove an account with its tokens and grants.

    Raises:
        AccountError: There is no such account.
    """
    connection.execute(delete(account).where(account.c.id == account_row(connection, name).id))
