"""`autotrack rm` and `autotrack restore`: move runs to the trash and back."""

from __future__ import annotations

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.screen import say
from autotrack.cli.session import Session, reads_store
from autotrack.words import plural


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@reads_store
def rm(session: Session, *, runs: tuple[str, ...], as_json: bool) -> None:
    """Move runs to the trash.

    Their child runs go with them. `autotrack restore` brings them back.
    """
    _move(session, runs, as_json=as_json, restore=False)


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@reads_store
def restore(session: Session, *, runs: tuple[str, ...], as_json: bool) -> None:
    """Bring runs back from the trash, with their child runs."""
    _move(session, runs, as_json=as_json, restore=True)


def _move(session: Session, runs: tuple[str, ...], *, as_json: bool, restore: bool) -> None:
    found = [session.history.get(run) for run in runs]  # a mistake in one name moves nothing
    moved = {
        run.id: run
        for one in found
        for run in (session.history.restore(one.id) if restore else session.history.delete(one.id))
    }
    if as_json:
        print_json(list(moved))
        return
    names = ", ".join(run.name for run in found)
    verb = "restored" if restore else "moved to the trash:"
    below = len(moved) - len({run.id for run in found})
    say(f"{verb} {names} with {plural(below, 'child run')}" if below else f"{verb} {names}")
