"""Metrics and parameters: what runs log, one by one or in batches."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from autotrack.server.mlflow_api.endpoint import Call, Endpoint, of_run, writes
from autotrack.server.mlflow_api.messages import MILLISECOND
from autotrack.server.mlflow_api.protocol import ProtocolError
from autotrack.server.mlflow_api.requests import (
    Int64,
    Key,
    Milliseconds,
    OfRun,
    TagField,
    checked_key,
    tag_values,
)
from autotrack.store.tracking import runs, values
from autotrack.store.tracking.logged_models import ModelMetric, log_metrics
from autotrack.store.tracking.runs import find_run
from autotrack.store.tracking.values import Point

MAX_METRICS, MAX_PARAMS, MAX_TAGS, MAX_ENTRIES = 1000, 100, 100, 1000


class MetricField(msgspec.Struct):
    """A point of a metric."""

    key: Key
    value: float
    timestamp: Milliseconds
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str | None = None
    dataset_digest: str | None = None


class ParamField(msgspec.Struct):
    """A parameter."""

    key: Key
    value: str = ""


class LogMetric(OfRun, kw_only=True):
    """Log a point."""

    key: Key
    value: float
    timestamp: Milliseconds
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LogParam(OfRun, kw_only=True):
    """Log a parameter."""

    key: Key
    value: str = ""


class LogBatch(OfRun, kw_only=True):
    """Log many of each, all or none."""

    metrics: Annotated[list[MetricField], Meta(max_length=MAX_METRICS)] = msgspec.field(default_factory=list)
    params: Annotated[list[ParamField], Meta(max_length=MAX_PARAMS)] = msgspec.field(default_factory=list)
    tags: Annotated[list[TagField], Meta(max_length=MAX_TAGS)] = msgspec.field(default_factory=list)


def log_metric(call: Call, asked: LogMetric) -> None:
    """Log a point of a metric."""
    _log_metrics(call, asked.id, find_run(call.connection, asked.id, active=True).row, [asked])


def log_param(call: Call, asked: LogParam) -> None:
    """Log a parameter."""
    row = find_run(call.connection, asked.id, active=True, lock=True).row
    values.log_params(call.connection, row, {checked_key(asked.key): asked.value})


def log_batch(call: Call, asked: LogBatch) -> None:
    """Log metrics, parameters and tags in one transaction."""
    if len(asked.metrics) + len(asked.params) + len(asked.tags) > MAX_ENTRIES:
        raise ProtocolError(f"A batch logging request can contain at most {MAX_ENTRIES} entries in total.")
    params: dict[str, str] = {}
    for param in asked.params:
        if params.setdefault(checked_key(param.key), param.value) != param.value:
            raise ProtocolError(f"Duplicate parameter keys have been submitted: {param.key!r}.")
    row = find_run(call.connection, asked.id, active=True, lock=bool(params)).row
    if params:
        values.log_params(call.connection, row, params)
    if asked.metrics:
        _log_metrics(call, asked.id, row, asked.metrics)
    if asked.tags:
        runs.set_tags(call.connection, row, tag_values(asked.tags))


def _log_metrics(call: Call, run_uid: str, row: int, metrics: list[MetricField] | list[LogMetric]) -> None:
    known: set[str] = set()
    points, of_models = [], []
    for metric in metrics:
        if metric.key not in known:
            known.add(checked_key(metric.key))
        points.append(Point(metric.key, metric.value, metric.timestamp * MILLISECOND, metric.step))
        if metric.model_id:
            measured = ModelMetric(
                key=metric.key,
                value=metric.value,
                time=metric.timestamp * MILLISECOND,
                step=metric.step,
                run_uid=run_uid,
                dataset_name=metric.dataset_name,
                dataset_digest=metric.dataset_digest,
            )
            of_models.append((metric.model_id, measured))
    values.log_points(call.connection, row, points)
    if of_models:
        log_metrics(call.connection, of_models)


ENDPOINTS: list[Endpoint] = [
    writes("runs/log-batch", LogBatch, log_batch, of_run),
    writes("runs/log-metric", LogMetric, log_metric, of_run),
    writes("runs/log-parameter", LogParam, log_param, of_run),
]
