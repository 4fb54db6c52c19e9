"""What answers about logged models look like."""

from __future__ import annotations

import msgspec

from autotrack.server.mlflow_api.messages import MetricMessage, Pair, milliseconds, number, pairs
from autotrack.store.tracking.logged_models import LoggedModel
from autotrack.store.tracking.searching import SERVED


class ModelInfo(msgspec.Struct, omit_defaults=True):
    """A logged model without its values."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: str
    model_type: str | None = None
    source_run_id: str | None = None
    status_message: str | None = None
    tags: list[Pair] = []


class ModelData(msgspec.Struct, omit_defaults=True):
    """The values of a logged model."""

    params: list[Pair] = []
    metrics: list[MetricMessage] = []


class ModelMessage(msgspec.Struct):
    """A logged model."""

    info: ModelInfo
    data: ModelData


def model_message(model: LoggedModel) -> ModelMessage:
    """Describe a logged model."""
    info = ModelInfo(
        model_id=model.uid,
        experiment_id=str(model.experiment_id),
        name=model.name,
        creation_timestamp_ms=milliseconds(model.created),
        last_updated_timestamp_ms=milliseconds(model.updated),
        artifact_uri=model.artifact_uri or f"{SERVED}{model.experiment_id}/models/{model.uid}/artifacts",
        status=model.status,
        model_type=model.kind,
        source_run_id=model.run_uid,
        status_message=model.status_message,
        tags=pairs(model.tags),
    )
    metrics = [
        MetricMessage(
            metric.key,
            number(metric.value),
            milliseconds(metric.time),
            metric.step,
            metric.dataset_name,
            metric.dataset_digest,
            model.uid,
            metric.run_uid,
        )
        for metric in model.metrics
    ]
    return ModelMessage(info, ModelData(pairs(model.params), metrics))
