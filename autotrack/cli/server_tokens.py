"""`autotrack server tokens`: what programs show to a server."""

from __future__ import annotations

import datetime as dt

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.server_users import changing, report
from autotrack.cli.session import Session, json_option
from autotrack.errors import AccountError


@click.group()
def tokens() -> None:
    """Make, list and remove the tokens of an account."""


@tokens.command()
@click.argument("name")
@click.option("--label", default="", help="What it is for.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="How long it is good; for ever by default.")
@json_option
@click.pass_obj
def add(session: Session, *, name: str, label: str, days: float | None, as_json: bool) -> None:
    """Make a token for the account NAME and print it; nobody can read it again."""
    from autotrack.store.accounts.tokens import new_token

    with changing(session) as connection:
        word = new_token(connection, name, label=label, days=days)
    if as_json:
        print_json({"name": name, "token": word})
    else:
        click.echo(word)


@tokens.command()
@click.argument("name")
@json_option
@click.pass_obj
def ls(session: Session, *, name: str, as_json: bool) -> None:
    """List the tokens of the account NAME."""
    from autotrack.store.accounts.tokens import list_tokens

    with changing(session) as connection:
        found = list_tokens(connection, name)
    if as_json:
        print_json([{"id": one.id, "label": one.label, "until": _date(one.expires)} for one in found])
        return
    for one in found:
        click.echo(f"{one.id}\t{one.label}\t{_date(one.expires) or 'for ever'}")


@tokens.command()
@click.argument("name")
@click.argument("token_id", type=int, metavar="ID")
@json_option
@click.pass_obj
def rm(session: Session, *, name: str, token_id: int, as_json: bool) -> None:
    """Remove the token of this ID, as `ls` shows it, of the account NAME."""
    from autotrack.store.accounts.tokens import remove_token

    with changing(session) as connection:
        if not remove_token(connection, name, token_id):
            raise AccountError(f"{name} has no token {token_id}; `autotrack server tokens ls {name}` lists them")
    report({"name": name, "id": token_id}, f"the token {token_id} of {name} is removed", as_json=as_json)


def _date(nanoseconds: int | None) -> str | None:
    if nanoseconds is None:
        return None
    return dt.datetime.fromtimestamp(nanoseconds / 1e9, dt.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
