"""`autotrack diff`: how two runs differ, from code to evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.ls import short_ids
from autotrack.cli.screen import Column, Screen, Styled, printable
from autotrack.cli.session import Session, reads_store
from autotrack.words import number

if TYPE_CHECKING:
    from autotrack.reproduction.difference import Difference


@click.command()
@click.argument("first", metavar="RUN_A")
@click.argument("second", metavar="RUN_B")
@click.option("-c", "--code", is_flag=True, help="Also the lines in which their uncommitted changes differ.")
@reads_store
def diff(session: Session, *, first: str, second: str, code: bool, as_json: bool) -> None:
    """Say how two runs differ: code, params, packages, hardware, data, metrics, evaluation.

    Floating-point numbers are compared bit by bit.
    """
    from autotrack.reproduction.difference import compare_runs, patch_difference

    one, two = session.history.get(first), session.history.get(second)
    sections = compare_runs(one, two)
    lines = patch_difference(one, two) if code else ""
    if as_json:
        print_json({"runs": [one.attributes(), two.attributes()], **sections, **({"lines": lines} if code else {})})
        return
    screen = Screen()
    ids = short_ids([one.id, two.id])
    columns = [
        Column(""),
        Column(f"{one.name} {ids[one.id]}", flexible=True),
        Column(f"{two.name} {ids[two.id]}", flexible=True),
    ]
    for title, rows in sections.items():
        screen.heading(title, "" if rows else "the same")
        screen.table(columns if rows else [], [_row(row) for row in rows], indent=2)
    for line in lines.splitlines():
        screen.line(Styled(line, {"+": "green", "-": "red"}.get(line[:1], "")))


def _row(row: Difference) -> list[str]:
    return [row.name, _text(row.before), _text(row.after)]


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return number(value) if isinstance(value, float) else printable(str(value))
