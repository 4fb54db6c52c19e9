"""`autotrack export`: runs with all their values, for other programs."""

from __future__ import annotations

import csv
import io
import json
import math
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from autotrack.cli.json_output import to_json
from autotrack.cli.screen import say
from autotrack.cli.session import Session, store_option
from autotrack.cli.show import full_fields
from autotrack.errors import RetryableError
from autotrack.run_list import RunList
from autotrack.words import non_finite, plural

if TYPE_CHECKING:
    from autotrack.stored_run import StoredRun


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN...]")
@click.option("-f", "--filter", metavar="FILTER", help="Export the runs that match; all runs by default.")
@click.option("-e", "--experiment", metavar="NAME", help="Only runs of this experiment.")
@click.option(
    "--format", "form", type=click.Choice(["json", "csv", "mlruns"]), default="json", show_default=True, help="Format."
)
@click.option("--history", is_flag=True, help="Also every point of every metric; as csv, the points alone.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write this file or folder instead of stdout.")
@store_option
@click.pass_context
def export(
    ctx: click.Context,
    *,
    runs: tuple[str, ...],
    filter: str | None,  # noqa: A002 - the word of the option
    experiment: str | None,
    form: str,
    history: bool,
    output: Path | None,
    store: str | None,
) -> None:
    """Export runs with all their values.

    JSON has one object per run with everything but the files; numbers JSON has not are "NaN", "Infinity" and
    "-Infinity". CSV has one row per run and one column per param, metric and tag, or with --history one row per point.
    mlruns is a folder that MLflow reads, with every point and all files; exporting into it again adds what is new.
    """
    session: Session = Session(store) if store else ctx.obj
    if runs and (filter or experiment):
        raise click.UsageError("name runs, or choose them with --filter and --experiment")
    if runs:
        found = RunList(session.history.get(run) for run in runs)
    else:
        found = session.history.search(filter, experiment=experiment, order_by="start_time")
    if form == "mlruns":
        _export_mlruns(session, found, output)
        return
    if form == "json":
        text = to_json([_fields(run, history=history) for run in found]) + "\n"
    else:
        text = _points_csv(found) if history else _runs_csv(found)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)
        say(f"{plural(len(found), 'run')} in {output}")


def _export_mlruns(session: Session, found: RunList, output: Path | None) -> None:
    """Tell the runs, and those below them, to the backend that writes MLflow's files."""
    from autotrack.backends import open_backend
    from autotrack.backends.base import BackendContext
    from autotrack.cli.sync import below
    from autotrack.replay import replay

    if output is None:
        raise click.UsageError("--format mlruns writes a folder: name it with --output")
    runs = {one.id: one for run in found for one in (run, *below(run))}
    home = session.history.home
    context = BackendContext(home.root, home.artifacts)
    url = f"mlruns://{quote(str(output.absolute()))}"
    with closing(open_backend(url, context)) as backend, session.history.reading() as store:
        try:
            for run_id in runs:
                replay(store, run_id, backend)
        except RetryableError as error:
            raise click.ClickException(str(error)) from None
    say(f"{plural(len(runs), 'run')} in {output}")


def _write(output: Path, text: str) -> None:
    try:
        output.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror}") from None


def _fields(run: StoredRun, *, history: bool) -> dict[str, Any]:
    fields = full_fields(run)
    if history:
        fields["history"] = {key: [point._asdict() for point in run.metric_history(key)] for key in run.metrics}
    return fields


def _runs_csv(runs: RunList) -> str:
    columns = runs.columns()
    return _csv([list(columns), *zip(*columns.values(), strict=True)])


def _points_csv(runs: RunList) -> str:
    rows = [(run.id, run.name, key, *point) for run in runs for key in run.metrics for point in run.metric_history(key)]
    return _csv([("run_id", "run", "metric", "step", "value", "time"), *rows])


def _csv(rows: Any) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else non_finite(value)
    if isinstance(value, bool | list | dict):
        return json.dumps(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
