"""`autotrack show`: one run in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from autotrack.cli.evaluation_view import evaluation_fields, show_evaluation
from autotrack.cli.json_output import print_json, run_fields
from autotrack.cli.ls import length
from autotrack.cli.screen import STATUS, Cell, Column, Screen, Styled
from autotrack.cli.session import Session, reads_store
from autotrack.highlights import is_background, rank_metrics
from autotrack.words import age, number, plural, size

if TYPE_CHECKING:
    from autotrack.store.rows import MetricSummary
    from autotrack.stored_run import StoredRun

BARS = "▁▂▃▄▅▆▇█"
CURVE_POINTS = 16
MAX_FILES = 20
LEVEL_STYLES = {"info": "dim", "warning": "yellow", "error": "red"}


@click.command()
@click.argument("run")
@click.option("-a", "--all", "everything", is_flag=True, help="Also metrics of the machine, all tags and all files.")
@reads_store
def show(session: Session, *, run: str, everything: bool, as_json: bool) -> None:
    """Show one RUN with all that belongs to it.

    Params, metrics with their course, evaluations, tags, data, files, notes and child runs.
    """
    found = session.history.get(run)
    if as_json:
        print_json(full_fields(found))
        return
    screen = Screen()
    _head(screen, found)
    _params(screen, found)
    _metrics(screen, found, everything=everything)
    for evaluation in found.evaluations():
        show_evaluation(screen, evaluation)
    _tags(screen, found, everything=everything)
    _data(screen, found)
    _files(screen, found, everything=everything)
    _notes(screen, found)
    _children(screen, found)


def full_fields(run: StoredRun) -> dict[str, Any]:
    """Return everything about a run but the points of its metrics."""
    with run.history.reading() as store:
        summaries = store.metric_summaries(run.id)
        files = store.artifacts(run.id)
    return {
        **run_fields(run),
        "error": run.error,
        "deleted_at": run.deleted_at,
        "metric_summaries": summaries,
        "evaluations": [evaluation_fields(evaluation) for evaluation in run.evaluations()],
        "datasets": run.datasets,
        "models": run.models,
        "artifacts": files,
        "notes": run.notes,
        "children": [child.id for child in run.children()],
    }


def _head(screen: Screen, run: StoredRun) -> None:
    sign = STATUS[run.status]
    screen.line(sign, " ", Styled(run.name, "bold"), "  ", Styled(run.status, sign.style), "  ", Styled(run.id, "dim"))
    started = f"{run.start_time.astimezone():%Y-%m-%d %H:%M:%S}  ({age(run.start_time)})"
    rows: list[list[Cell]] = [["experiment", run.experiment], ["started", started], ["duration", length(run)]]
    if run.source:
        rows.append(["source", run.source])
    if run.parent_id:
        rows.append(["part of", run.parent_id])
    if run.deleted_at:
        rows.append(["deleted", Styled(f"{age(run.deleted_at)}; `autotrack restore` brings it back", "yellow")])
    screen.table([Column(style="dim"), Column()], rows, indent=2)
    if run.error:
        screen.heading("error")
        for line in run.error.rstrip().splitlines():
            screen.line("  ", Styled(line, "red"))


def _params(screen: Screen, run: StoredRun) -> None:
    if run.params:
        screen.heading("params", str(len(run.params)))
        rows = [[key, _param_text(value)] for key, value in run.params.items()]
        screen.table([Column(), Column(flexible=True)], rows, indent=2)


def _param_text(value: object) -> Cell:
    if value is None or isinstance(value, bool):
        return Styled({None: "none", True: "true", False: "false"}[value], "dim")
    return str(value)


def _metrics(screen: Screen, run: StoredRun, *, everything: bool) -> None:
    keys = rank_metrics([run.metrics])
    background = sorted(key for key in run.metrics if is_background(key))
    keys += background if everything else []
    if not keys:
        return
    hidden = f", {len(background)} of the machine hidden (--all)" if background and not everything else ""
    screen.heading("metrics", f"{len(keys)}{hidden}")
    with run.history.reading() as store:
        summaries = store.metric_summaries(run.id)
        several = [key for key in keys if summaries[key].count > 1]
        curves = {key: _curve(store.downsample(run.id, key, CURVE_POINTS).values.tolist()) for key in several}
    series = bool(curves)
    columns = [Column("metric", flexible=True), Column("last", right=True, style="bold")]
    if series:
        columns += [Column("min", right=True), Column("max", right=True), Column("points", right=True), Column()]
    rows = [_metric_row(key, summaries[key], curves.get(key, ""), series=series) for key in keys]
    screen.table(columns, rows, indent=2)


def _metric_row(key: str, summary: MetricSummary, curve: str, *, series: bool) -> list[Cell]:
    row: list[Cell] = [key, number(summary.last)]
    if not series:
        return row
    if summary.count == 1:
        return [*row, "", "", "", ""]
    return [*row, number(summary.min), number(summary.max), f"{summary.count:,}", Styled(curve, "cyan")]


def _curve(values: Sequence[float]) -> str:
    """Draw values as a line of bars; what is not finite leaves a gap."""
    finite = [value for value in values if value - value == 0]
    if not finite:
        return ""
    low, span = min(finite), (max(finite) - min(finite)) or 1.0
    return "".join(BARS[int((v - low) / span * (len(BARS) - 1))] if v - v == 0 else " " for v in values)


def _tags(screen: Screen, run: StoredRun, *, everything: bool) -> None:
    tags = {key: value for key, value in run.tags.items() if everything or not key.startswith("mlflow.")}
    if tags:
        screen.heading("tags", str(len(tags)))
        screen.table([Column(), Column(flexible=True)], ([key, value] for key, value in tags.items()), indent=2)


def _data(screen: Screen, run: StoredRun) -> None:
    if run.datasets:
        screen.heading("data", str(len(run.datasets)))
        rows: list[list[Cell]] = [
            [data.context, data.name, _shape(data.profile), Styled(data.digest[:12], "dim")] for data in run.datasets
        ]
        screen.table([Column(), Column(), Column(), Column()], rows, indent=2)


def _shape(profile: dict[str, Any]) -> str:
    shape = profile.get("shape")
    return " \u00d7 ".join(f"{length:,}" for length in shape) if isinstance(shape, list | tuple) else ""


def _files(screen: Screen, run: StoredRun, *, everything: bool) -> None:
    with run.history.reading() as store:
        files = store.artifacts(run.id)
    if not files:
        return
    shown = files if everything else files[:MAX_FILES]
    folder = run.history.home.run_artifacts(run.id)
    where = f"in {folder}" if folder.is_dir() else "not on this machine"
    screen.heading("files", f"{len(files)}, {size(sum(file.size for file in files))}, {where}")
    screen.table(
        [Column(flexible=True), Column(right=True, style="dim")],
        [[file.path, size(file.size)] for file in shown],
        indent=2,
    )
    if len(files) > len(shown):
        screen.line(Styled(f"  and {len(files) - len(shown)} more (--all)", "dim"))


def _notes(screen: Screen, run: StoredRun) -> None:
    if run.notes:
        screen.heading("notes", str(len(run.notes)))
        for note in run.notes:
            screen.paragraph(Styled(f"{note.message}  ({note.code})", LEVEL_STYLES.get(note.level, "")), indent=2)


def _children(screen: Screen, run: StoredRun) -> None:
    children = run.children()
    if not children:
        return
    screen.heading("child runs", plural(len(children), "run"))
    keys = rank_metrics(child.metrics for child in children)[:3]
    columns = [Column(), Column("run"), Column("duration", right=True), *(Column(key, right=True) for key in keys)]
    rows = [
        [STATUS[child.status], child.name, length(child), *(number(child.metrics.get(key)) for key in keys)]
        for child in children
    ]
    screen.table(columns, rows, indent=2)
