"""Roles of accounts in single experiments."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from autotrack.store.accounts.accounts import account_row
from autotrack.store.accounts.tables import account_grant
from autotrack.store.statements import put


def grant(connection: Connection, name: str, experiment_id: int, role: str) -> None:
    """Give an account a role in an experiment; it takes the place of the one it had there.

    Raises:
        AccountError: There is no such account.
    """
    row = {"account_id": account_row(connection, name).id, "experiment_id": experiment_id, "role": role}
    put(connection, account_grant, [row])


def revoke(connection: Connection, name: str, experiment_id: int) -> bool:
    """Take the role of an account in an experiment away, and say whether it had one.

    Raises:
        AccountError: There is no such account.
    """
    here = (
        account_grant.c.account_id == account_row(connection, name).id,
        account_grant.c.experiment_id == experiment_id,
    )
    return bool(connection.execute(delete(account_grant).where(*here)).rowcount)


def grants_of(connection: Connection, account_id: int) -> dict[int, str]:
    """Read the roles of an account by experiment."""
    columns = select(account_grant.c.experiment_id, account_grant.c.role)
    found = connection.execute(columns.where(account_grant.c.account_id == account_id))
    return {line.experiment_id: line.role for line in found}
