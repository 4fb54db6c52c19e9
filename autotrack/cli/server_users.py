"""`autotrack server users`: who may use a server, and with which role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from autotrack.cli.screen import say
from autotrack.cli.session import Session, json_option
from autotrack.errors import AccountError

if TYPE_CHECKING:
    from sqlalchemy import Connection

ROLES = click.Choice(["none", "reader", "writer", "admin"])
_role = click.option(
    "--role", type=ROLES, default="writer", show_default=True, help="In all experiments without a grant."
)


@click.group()
def users() -> None:
    """Add, list and remove accounts, and their roles.

    A reader sees, a writer also logs, an admin also deletes and renames. A role given for an experiment takes the place
    of the account's own there.
    """


@contextmanager
def changing(session: Session) -> Iterator[Connection]:
    """Give a transaction on the store of a call."""
    from autotrack.place import find_place
    from autotrack.store.store import Store

    with Store.open(find_place(session.settings).url) as store, store.writing() as connection:
        yield connection


@users.command()
@click.argument("name")
@_role
@click.option("--password", is_flag=True, help="Ask for a password; without one only tokens open the account.")
@json_option
@click.pass_obj
def add(session: Session, *, name: str, role: str, password: bool, as_json: bool) -> None:
    """Add the account NAME, and print a token for it."""
    from autotrack.store.accounts.accounts import add_account
    from autotrack.store.accounts.tokens import new_token

    secret = _ask_password() if password else None
    with changing(session) as connection:
        add_account(connection, name, role, secret)
        token = new_token(connection, name, label="first")
    if not as_json:
        click.echo(token)
    hint = f"{name} is a {role}; this token is shown once: MLFLOW_TRACKING_TOKEN=<token>, or as password of {name}"
    report({"name": name, "role": role, "token": token}, hint, as_json=as_json)


@users.command()
@json_option
@click.pass_obj
def ls(session: Session, *, as_json: bool) -> None:
    """List all accounts."""
    from autotrack.cli.json_output import print_json
    from autotrack.store.accounts.accounts import list_accounts

    with changing(session) as connection:
        found = list_accounts(connection)
    if as_json:
        print_json(
            [{"name": one.name, "role": one.role, "password": one.has_password, "tokens": one.tokens} for one in found]
        )
        return
    for one in found:
        click.echo(f"{one.name}\t{one.role}\t{'password' if one.has_password else 'tokens only'}\t{one.tokens} tokens")


@users.command()
@click.argument("name")
@json_option
@click.pass_obj
def rm(session: Session, *, name: str, as_json: bool) -> None:
    """Remove the account NAME with its tokens."""
    from autotrack.store.accounts.accounts import remove_account

    with changing(session) as connection:
        remove_account(connection, name)
    report({"name": name}, f"{name} is removed; running servers notice within seconds", as_json=as_json)


@users.command()
@click.argument("name")
@click.option("--role", type=ROLES, help="The new role.")
@click.option("--password", is_flag=True, help="Ask for a new password.")
@json_option
@click.pass_obj
def change(session: Session, *, name: str, role: str | None, password: bool, as_json: bool) -> None:
    """Give the account NAME another role or password."""
    from autotrack.store.accounts.accounts import change_account

    secret = _ask_password() if password else None
    with changing(session) as connection:
        change_account(connection, name, role=role, password=secret)
    report({"name": name}, f"{name} is changed", as_json=as_json)


@users.command()
@click.argument("name")
@click.argument("experiment")
@click.argument("role", type=ROLES)
@json_option
@click.pass_obj
def grant(session: Session, *, name: str, experiment: str, role: str, as_json: bool) -> None:
    """Give the account NAME a ROLE in one EXPERIMENT, named by its name."""
    from autotrack.store.accounts.grants import grant as give
    from autotrack.store.tracking.experiments import find_experiment

    with changing(session) as connection:
        give(connection, name, find_experiment(connection, experiment).id, role)
    facts = {"name": name, "experiment": experiment, "role": role}
    report(facts, f"{name} is a {role} in {experiment}", as_json=as_json)


@users.command()
@click.argument("name")
@click.argument("experiment")
@json_option
@click.pass_obj
def revoke(session: Session, *, name: str, experiment: str, as_json: bool) -> None:
    """Take the role of the account NAME in one EXPERIMENT away; its own role counts there again."""
    from autotrack.store.accounts.grants import revoke as take
    from autotrack.store.tracking.experiments import find_experiment

    with changing(session) as connection:
        if not take(connection, name, find_experiment(connection, experiment).id):
            raise AccountError(f"{name} has no role of its own in {experiment}")
    facts = {"name": name, "experiment": experiment}
    report(facts, f"{name} has no role of its own in {experiment} any more", as_json=as_json)


def report(facts: dict[str, Any], message: str, *, as_json: bool) -> None:
    """Say what was done: as JSON on stdout, or in words beside it."""
    from autotrack.cli.json_output import print_json

    if as_json:
        print_json(facts)
    else:
        say(message)


def _ask_password() -> str:
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
