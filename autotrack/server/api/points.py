"""Points of metrics for charts: few enough to draw, with the extremes among them, and exact on a closer look."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from autotrack.server.context import checked_run_id, library_of
from autotrack.server.replies import Json, Refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from autotrack.store.rows import MetricSummary
    from autotrack.store.store import Store

MAX_SERIES = 60
MAX_POINTS = 20_000
MAX_SPARKS = 500
MAX_MARKS = 100
MARK_SEARCH = 200_000
SPARK_POINTS = 48
_INT64 = 2**63 - 1


def read_points(request: Request) -> Response:
    """Answer with series: `run` and `key` each any number of times, `points` of each, `from` and `to` as steps."""
    params = request.query_params
    runs = [checked_run_id(run) for run in params.getlist("run")]
    keys = params.getlist("key")
    if not 0 < len(runs) * len(keys) <= MAX_SERIES:
        raise Refused(f"ask for 1 to {MAX_SERIES} series at once")
    count = min(max(_whole(params.get("points"), 1000), 4), MAX_POINTS)
    steps = None
    if "from" in params or "to" in params:
        steps = (_whole(params.get("from"), -_INT64), _whole(params.get("to"), _INT64))
    with library_of(request).reading() as store:
        series = [series_of(store, run, key, count, steps) for run in runs for key in keys]
    return Json({"series": [one for one in series if one is not None]})


def read_sparks(request: Request) -> Response:
    """Answer with the course of one metric in many runs, by run."""
    params = request.query_params
    runs = [checked_run_id(run) for run in params.get("runs", "").split(",") if run][:MAX_SPARKS]
    with library_of(request).reading() as store:
        found = {run: store.downsample(run, params.get("key", ""), SPARK_POINTS) for run in runs}
    return Json({run: points.values.tolist() for run, points in found.items() if len(points.steps) > 1})


def series_of(
    store: Store, run: str, key: str, count: int, steps: tuple[int, int] | None = None
) -> dict[str, Any] | None:
    """Return what a chart draws of a series; None where the run has no such metric.

    Args:
        store: Where it is.
        run: The id of the run.
        key: Of the metric.
        count: How many points at most.
        steps: The first and the last step wanted.
    """
    summary = store.metric_summary(run, key)
    if summary is None:
        return None
    points = store.downsample(run, key, count, steps)
    return {
        "run": run,
        "key": key,
        "total": summary.count,
        **_marked_steps(store, run, key, summary),
        "steps": points.steps.tolist(),
        "values": points.values.tolist(),
        "times": np.round(points.times / 1e9, 3).tolist(),
    }


def _marked_steps(store: Store, run: str, key: str, summary: MetricSummary) -> dict[str, list[int]]:
    """Return steps at which a series was no number, or infinite: a line has no place for these, so they get marks."""
    strange = summary.nans or summary.max == math.inf or summary.min == -math.inf
    if not strange or summary.count > MARK_SEARCH:
        return {"nans": [], "highs": [], "lows": []}
    points = store.metric_history(run, key)
    found = {"nans": np.isnan(points.values), "highs": np.isposinf(points.values), "lows": np.isneginf(points.values)}
    return {name: _some(points.steps[here]) for name, here in found.items()}


def _some(steps: Any) -> list[int]:
    chosen: list[int] = steps[:: max(len(steps) // MAX_MARKS, 1)].tolist()
    return chosen


def _whole(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    if re.fullmatch(r"-?[0-9]{1,19}", text) is None:
        raise Refused("steps and counts are whole numbers")
    return max(-_INT64, min(int(text), _INT64))
