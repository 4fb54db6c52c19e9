"""`autotrack ls`: the table of runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from autotrack.cli.json_output import print_json, run_fields
from autotrack.cli.screen import GAP, STATUS, Cell, Column, Screen, Styled, say
from autotrack.cli.session import Session, reads_store
from autotrack.highlights import rank_metrics
from autotrack.records import RUNNING
from autotrack.words import age, number, plural, seconds

if TYPE_CHECKING:
    from autotrack.run_list import RunList
    from autotrack.stored_run import StoredRun

SHOWN = 50
MAX_METRICS = 6
ID_LENGTH = 12


@click.command()
@click.option("-f", "--filter", metavar="FILTER", help="Such as 'metrics.val_acc > 0.9 and params.C < 1'.")
@click.option("-e", "--experiment", metavar="NAME", help="Only runs of this experiment.")
@click.option(
    "-s", "--sort", metavar="FIELDS", help="Such as 'metrics.val_acc desc, start_time'; by default latest first."
)
@click.option("-n", "--limit", type=click.IntRange(min=0), help=f"At most so many runs, 0 for all; {SHOWN} in a table.")
@click.option("-c", "--columns", metavar="KEYS", help="Columns such as 'metrics.loss,params.C', not the usual metrics.")
@click.option("-a", "--all", "everything", is_flag=True, help="Also the child runs of searches and nested calls.")
@click.option("--deleted", is_flag=True, help="Runs in the trash instead.")
@click.option("-q", "--quiet", is_flag=True, help="Print ids only.")
@reads_store
def ls(  # noqa: PLR0913 - one for each option
    session: Session,
    *,
    filter: str | None,  # noqa: A002 - the word of the option
    experiment: str | None,
    sort: str | None,
    limit: int | None,
    columns: str | None,
    everything: bool,
    deleted: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """List runs, the latest first.

    Without a filter, child runs are left out; their number stands behind the name.
    """
    history = session.history
    if filter is None and not everything and not deleted:
        filter = "parent is null"  # noqa: A001
    table = not (quiet or as_json)
    shown = limit if limit is not None else SHOWN if table else 0
    asked = shown + 1 if shown else None  # one more tells whether there are more
    runs = history.search(filter, experiment=experiment, order_by=sort, limit=asked, deleted=deleted)
    more = bool(shown) and len(runs) > shown
    runs = runs[:shown] if more else runs
    if as_json:
        print_json([run_fields(run) for run in runs])
    elif quiet:
        click.echo("".join(f"{run.id}\n" for run in runs), nl=False)
    elif not runs:
        say("no runs match" if filter != "parent is null" or experiment else "no runs yet")
    else:
        extra = columns.split(",") if columns else None
        _print_table(runs, extra, f"{filter or ''} {sort or ''}", session.history.count_children(runs))
        if more:
            say(f"the first {plural(shown, 'run')}; --limit 0 shows all")


def _print_table(runs: RunList, keys: Sequence[str] | None, mentioned: str, children: Counter[str]) -> None:
    screen = Screen()
    ids = short_ids([run.id for run in runs]) if screen.width else {run.id: run.id for run in runs}
    sign = Column("" if screen.width else "status")
    columns = [sign, Column("run", flexible=True, style="bold"), Column("id", style="dim")]
    rows: list[list[Cell]] = [[_sign(run, screen), _name(run, children[run.id]), ids[run.id]] for run in runs]
    if len({run.experiment for run in runs}) > 1:
        _add(columns, rows, Column("experiment", flexible=True), [run.experiment for run in runs])
    _add(columns, rows, Column("started"), [age(run.start_time) for run in runs])
    _add(columns, rows, Column("duration", right=True), [length(run) for run in runs])
    if keys is None:
        _add_metrics(columns, rows, runs, mentioned, screen)
    else:
        for key in keys:
            values = [run.to_dict().get(key.strip()) for run in runs]
            _add(columns, rows, Column(key.strip(), right=True), [_value(value) for value in values])
    screen.table(columns, rows)


def _add(columns: list[Column], rows: list[list[Cell]], column: Column, cells: Sequence[Cell]) -> None:
    columns.append(column)
    for row, cell in zip(rows, cells, strict=True):
        row.append(cell)


def _add_metrics(columns: list[Column], rows: list[list[Cell]], runs: RunList, mentioned: str, screen: Screen) -> None:
    """Add the metrics that tell most, those of the filter and the order first, as many as there is room for."""
    first = [key.strip('"`') for key in re.findall(r'\b(?:metrics?|m)\.("[^"]*"|`[^`]*`|[\w/@:.-]+)', mentioned)]
    used = sum(screen.width_of(column, [row[at] for row in rows]) + GAP for at, column in enumerate(columns))
    for key in rank_metrics((run.metrics for run in runs), first)[:MAX_METRICS]:
        column, cells = Column(key, right=True), [number(run.metrics.get(key)) for run in runs]
        used += screen.width_of(column, cells) + GAP
        if screen.width is not None and used - GAP > screen.width:
            return
        _add(columns, rows, column, cells)


def _sign(run: StoredRun, screen: Screen) -> Cell:
    return STATUS[run.status] if screen.width else run.status


def _name(run: StoredRun, children: int) -> str:
    return f"{run.name} +{children}" if children else run.name


def _value(value: object) -> str:
    return number(value) if isinstance(value, float) else "" if value is None else str(value)


def length(run: StoredRun) -> Cell:
    """Return how long a run took, or has been running."""
    if run.status != RUNNING:
        return seconds(run.duration)
    return Styled(f"{seconds((datetime.now(timezone.utc) - run.start_time).total_seconds())} so far", "cyan")


def short_ids(ids: Sequence[str]) -> dict[str, str]:
    """Cut ids to a length at which these differ: runs of the same millisecond begin alike."""
    size = next((size for size in range(ID_LENGTH, 32) if len({run_id[:size] for run_id in ids}) == len(set(ids))), 32)
    return {run_id: run_id[:size] for run_id in ids}
