"""`autotrack compare`: runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.ls import length, short_ids
from autotrack.cli.screen import STATUS, Cell, Column, Screen, Styled, printable
from autotrack.cli.session import Session, reads_store
from autotrack.highlights import is_background, rank_metrics
from autotrack.stored_run import StoredRun
from autotrack.words import age, number


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@click.option("-d", "--differences", is_flag=True, help="Only what is not the same in all runs.")
@click.option(
    "-a", "--all", "everything", is_flag=True, help="Also metrics of the machine and tags of the environment."
)
@reads_store
def compare(session: Session, *, runs: tuple[str, ...], differences: bool, everything: bool, as_json: bool) -> None:
    """Compare runs side by side.

    Of two runs, the difference of each metric is shown too.
    """
    found = [session.history.get(run) for run in runs]
    if len({run.id for run in found}) < 2:
        raise click.UsageError("name at least two runs")
    sections = {kind: _section(found, kind, everything=everything) for kind in ("params", "metrics", "tags")}
    if differences:
        sections = {
            kind: {key: values for key, values in section.items() if _differ(values)}
            for kind, section in sections.items()
        }
    if as_json:
        print_json({"runs": [run.attributes() for run in found], **sections})
        return
    _show(found, sections)


def _section(runs: Sequence[StoredRun], kind: str, *, everything: bool) -> dict[str, list[Any]]:
    """Return for each key the value of every run, None where it has none."""
    every = [getattr(run, kind) for run in runs]
    if kind == "metrics":
        background = sorted({key for metrics in every for key in metrics if is_background(key)})
        keys = [*rank_metrics(every), *(background if everything else [])]
    else:
        keys = sorted({key for values in every for key in values if everything or not key.startswith("mlflow.")})
    return {key: [values.get(key) for values in every] for key in keys}


def _differ(values: Sequence[Any]) -> bool:
    return any(repr(value) != repr(values[0]) for value in values)  # NaN is the same as NaN, 1 is not True


def _show(runs: Sequence[StoredRun], sections: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
    screen = Screen()
    ids = short_ids([run.id for run in runs])
    two = len(runs) == 2
    columns = [Column("", flexible=True), *(Column(run.name, right=True, flexible=True) for run in runs)]
    if two:
        columns.append(Column("difference", right=True))
    rows: list[list[Cell]] = [
        ["id", *(Styled(ids[run.id] if screen.width else run.id, "dim") for run in runs)],
        ["status", *(Styled(run.status, STATUS[run.status].style) for run in runs)],
        ["experiment", *(run.experiment for run in runs)],
        ["started", *(age(run.start_time) for run in runs)],
        ["duration", *(length(run) for run in runs)],
    ]
    for kind, section in sections.items():
        if section:
            rows.append([Styled(kind, "bold")])
            rows += [_row(key, values, two=two, metric=kind == "metrics") for key, values in section.items()]
    screen.table(columns, [row + [""] * (len(columns) - len(row)) for row in rows])


def _row(key: str, values: Sequence[Any], *, two: bool, metric: bool) -> list[Cell]:
    style = "yellow" if _differ(values) else "dim"
    texts = [number(value) if metric else "" if value is None else printable(str(value)) for value in values]
    row: list[Cell] = [f"  {key}", *(Styled(text, style) for text in texts)]
    if two and metric and None not in values and _differ(values):
        row.append(_difference(*values))
    return row


def _difference(before: float, after: float) -> str:
    change = after - before
    relative = f"  {change / abs(before):+.1%}" if before else ""
    return f"{'+' if change > 0 else ''}{number(change)}{relative}"
