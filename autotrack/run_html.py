"""Runs as HTML for notebooks: escaped, compact, without scripts and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from autotrack.highlights import is_background, rank_metrics
from autotrack.words import age, number, seconds, shorten

if TYPE_CHECKING:
    from autotrack.stored_run import StoredRun

MAX_ROWS = 100
MAX_METRICS = 6
MAX_VALUES = 50
_COLORS = {
    "finished": "#1a7f37",
    "failed": "#cf222e",
    "killed": "#cf222e",
    "interrupted": "#9a6700",
    "running": "#0969da",
}
_CELL = ' style="text-align:left;vertical-align:top;padding:2px 8px"'


def run_table(runs: Sequence[StoredRun]) -> str:
    """Return runs as a table, the metrics that tell most as columns."""
    if not runs:
        return "<p>no runs</p>"
    shown = runs[:MAX_ROWS]
    keys = rank_metrics(run.metrics for run in shown)[:MAX_METRICS]
    rows = (
        [
            escape(run.name),
            f"<code>{escape(run.id[:12])}</code>",
            escape(run.experiment),
            _status(run),
            escape(age(run.start_time)),
            escape(seconds(run.duration)),
            *(escape(number(run.metrics.get(key))) for key in keys),
        ]
        for run in shown
    )
    more = f"<p>{len(runs) - MAX_ROWS:,} more runs</p>" if len(runs) > MAX_ROWS else ""
    heads = ["run", "id", "experiment", "status", "started", "duration", *map(escape, keys)]
    return _table(heads, rows) + more


def run_card(run: StoredRun) -> str:
    """Return one run: a line that says what it is, and its params, metrics and tags."""
    head = (
        f"<b>{escape(run.name)}</b> <code>{escape(run.id)}</code> {_status(run)} · {escape(run.experiment)} · "
        f"{escape(age(run.start_time))} · {escape(seconds(run.duration))}"
    )
    error = f"<pre>{escape(shorten(run.error.strip().splitlines()[-1], 300))}</pre>" if run.error else ""
    metrics = {key: number(run.metrics[key]) for key in rank_metrics([run.metrics])}
    tags = {key: value for key, value in run.tags.items() if not key.startswith("mlflow.")}
    background = sum(is_background(key) for key in run.metrics)
    sections = (
        _values("metrics", metrics, f"{background} of the machine" if background else ""),
        _values("params", run.params),
        _values("tags", tags),
    )
    return f"<div><div>{head}</div>{error}{''.join(sections)}</div>"


def _values(title: str, values: Mapping[str, Any], also: str = "") -> str:
    if not values:
        return ""
    shown = list(values.items())[:MAX_VALUES]
    rows = ([escape(shorten(key, 80)), escape(shorten(str(value), 200))] for key, value in shown)
    more = f"<p>{len(values) - MAX_VALUES:,} more</p>" if len(values) > MAX_VALUES else ""
    note = f" <small>and {also}</small>" if also else ""
    return f"<details open><summary>{title} ({len(values)}){note}</summary>{_table([], rows)}{more}</details>"


def _status(run: StoredRun) -> str:
    return f'<span style="color:{_COLORS.get(run.status, "inherit")}">{escape(run.status)}</span>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = f"<thead><tr>{''.join(f'<th{_CELL}>{cell}</th>' for cell in heads)}</tr></thead>" if heads else ""
    body = "".join(f"<tr>{''.join(f'<td{_CELL}>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{head}<tbody>{body}</tbody></table>"
