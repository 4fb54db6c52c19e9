"""Histories of metrics, of one run in pages or of many thinned out for a chart."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from autotrack.server.caller import READER
from autotrack.server.mlflow_api.endpoint import Call, Endpoint, listed, of_run, reads
from autotrack.server.mlflow_api.messages import MILLISECOND, MetricMessage, number
from autotrack.server.mlflow_api.protocol import FORBIDDEN, ProtocolError
from autotrack.server.mlflow_api.requests import Int64, OfRun, one_page
from autotrack.store.chunks import Points, take
from autotrack.store.tracking.runs import find_run
from autotrack.store.tracking.values import read_points

MAX_POINTS = 25_000
MAX_RUNS = 100


class GetHistory(OfRun, kw_only=True):
    """Read the points of a metric."""

    metric_key: Annotated[str, Meta(min_length=1)]
    max_results: Annotated[int, Meta(ge=1, le=1_000_000)] = MAX_POINTS
    page_token: str = ""


class GetSampled(msgspec.Struct):
    """Read at most so many points of a metric in each of some runs."""

    metric_key: Annotated[str, Meta(min_length=1)]
    run_ids: Annotated[list[str], Meta(min_length=1, max_length=MAX_RUNS)] = []
    max_results: Annotated[int, Meta(ge=1, le=2_500)] = 2_500
    start_step: Int64 | None = None
    end_step: Int64 | None = None


def get_history(call: Call, asked: GetHistory) -> Any:
    """Read a page of the points of a metric."""
    points = read_points(call.connection, find_run(call.connection, asked.id).row, asked.metric_key)

    def find(*, limit: int, offset: int) -> list[MetricMessage]:
        return _messages(asked.metric_key, take(points, slice(offset, offset + limit)))

    return one_page("metrics", asked, find, list)


def get_sampled(call: Call, asked: GetSampled) -> Any:
    """Read points of a metric in some runs, evenly thinned out by step; the last one of each run is among them."""
    if not asked.run_ids:
        raise ProtocolError("GetMetricHistoryBulkInterval request must specify at least one run_id.")
    if (asked.start_step is None) != (asked.end_step is None):
        raise ProtocolError("If either start step or end step are specified, both must be specified.")
    if asked.start_step is not None and asked.end_step is not None and asked.start_step > asked.end_step:
        raise ProtocolError("end_step must be greater than start_step.")
    found: list[MetricMessage] = []
    for uid in dict.fromkeys(asked.run_ids):
        points = read_points(call.connection, _readable(call, uid), asked.metric_key)
        chosen = _sample(points, asked.max_results, asked.start_step, asked.end_step)
        found += _messages(asked.metric_key, chosen, run_id=uid)
    return {"metrics": found} if found else {}


def _readable(call: Call, uid: str) -> int:
    found = find_run(call.connection, uid)
    if not call.caller.may(READER, found.experiment_id):
        raise ProtocolError(f"this needs the role {READER} in experiment {found.experiment_id}", FORBIDDEN)
    return found.row


def _sample(points: Points, limit: int, first: int | None, last: int | None) -> Points:
    """Choose points by step: all of the steps that are left when every so manieth is taken."""
    import numpy as np

    chosen = take(points, np.lexsort((points.times, points.steps)))
    if first is not None and last is not None:
        chosen = take(chosen, np.flatnonzero((chosen.steps >= first) & (chosen.steps <= last)))
    known = np.unique(chosen.steps)
    if len(known) > limit:
        wanted = np.linspace(0, len(known) - 1, limit).round().astype(np.intp)
        chosen = take(chosen, np.flatnonzero(np.isin(chosen.steps, known[wanted])))
    return chosen


def _messages(key: str, points: Points, run_id: str | None = None) -> list[MetricMessage]:
    times = (points.times // MILLISECOND).tolist()
    columns = zip(points.steps.tolist(), points.values.tolist(), times, strict=True)
    return [MetricMessage(key, number(value), at, step, run_id=run_id) for step, value, at in columns]


ENDPOINTS: list[Endpoint] = [
    reads("metrics/get-history", GetHistory, get_history, of_run),
    listed("metrics/get-history-bulk-interval", GetSampled, get_sampled),
]
