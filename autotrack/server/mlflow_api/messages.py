"""What answers look like: the messages of MLflow's protocol. Times are milliseconds; empty fields are left out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from autotrack.records import FAILED, FINISHED, INTERRUPTED, KILLED, RUNNING
from autotrack.store.tracking.experiments import Experiment
from autotrack.store.tracking.inputs import INPUT, OUTPUT, Dataset, ModelUse
from autotrack.store.tracking.run_reading import TrackedRun
from autotrack.store.tracking.searching import SERVED
from autotrack.store.tracking.values import param_text

MILLISECOND = 1_000_000
ACTIVE, DELETED = "active", "deleted"
CONTEXT = "mlflow.data.context"

STATUSES = {
    RUNNING: "RUNNING",
    FINISHED: "FINISHED",
    FAILED: "FAILED",
    INTERRUPTED: "KILLED",
    KILLED: "KILLED",
}
"""MLflow's word for each status of ours."""

Number: TypeAlias = float | str


class Pair(msgspec.Struct, gc=False):
    """A key with its value: a tag or a parameter."""

    key: str
    value: str


class MetricMessage(msgspec.Struct, omit_defaults=True, gc=False):
    """A point of a metric."""

    key: str
    value: Number
    timestamp: int
    step: int
    dataset_name: str | None = None
    dataset_digest: str | None = None
    model_id: str | None = None
    run_id: str | None = None


class ExperimentMessage(msgspec.Struct, omit_defaults=True, gc=False):
    """An experiment."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    last_update_time: int
    creation_time: int
    tags: list[Pair] = []


class RunInfo(msgspec.Struct, omit_defaults=True, gc=False):
    """A run without its values."""

    run_uuid: str
    experiment_id: str
    run_name: str
    user_id: str
    status: str
    start_time: int
    artifact_uri: str
    lifecycle_stage: str
    run_id: str
    end_time: int | None = None


class RunData(msgspec.Struct, omit_defaults=True, gc=False):
    """The values of a run."""

    metrics: list[MetricMessage] = []
    params: list[Pair] = []
    tags: list[Pair] = []


class DatasetMessage(msgspec.Struct, omit_defaults=True, gc=False):
    """Data."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetInput(msgspec.Struct, omit_defaults=True, gc=False):
    """Data that went into a run, and in which role."""

    dataset: DatasetMessage
    tags: list[Pair] = []


class RunInputs(msgspec.Struct, omit_defaults=True, gc=False):
    """What went into a run."""

    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[ModelUse] = []


class RunOutputs(msgspec.Struct, omit_defaults=True, gc=False):
    """What came out of a run."""

    model_outputs: list[ModelUse] = []


class RunMessage(msgspec.Struct, omit_defaults=True, gc=False):
    """A run."""

    info: RunInfo
    data: RunData
    inputs: RunInputs
    outputs: RunOutputs | None = None


def number(value: float) -> Number:
    """Return a number as protocol buffers write it in JSON: what is not finite is a text."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def milliseconds(time: int | None) -> int:
    """Return a time of ours in milliseconds; 0 where there is none."""
    return 0 if time is None else time // MILLISECOND


def pairs(values: Mapping[str, str]) -> list[Pair]:
    """Return values as pairs."""
    return [Pair(key, value) for key, value in values.items()]


def stage(deleted_at: int | None) -> str:
    """Return the stage of life of something."""
    return ACTIVE if deleted_at is None else DELETED


def experiment_message(experiment: Experiment) -> ExperimentMessage:
    """Describe an experiment."""
    return ExperimentMessage(
        experiment_id=str(experiment.id),
        name=experiment.name,
        artifact_location=experiment.artifact_location or f"{SERVED}{experiment.id}",
        lifecycle_stage=stage(experiment.deleted_at),
        last_update_time=milliseconds(experiment.updated),
        creation_time=milliseconds(experiment.created),
        tags=pairs(experiment.tags),
    )


def run_info(run: TrackedRun) -> RunInfo:
    """Describe a run without its values."""
    return RunInfo(
        run_uuid=run.uid,
        experiment_id=str(run.experiment_id),
        run_name=run.name,
        user_id=run.user_id or "",
        status=STATUSES[run.status],
        start_time=milliseconds(run.start_time),
        artifact_uri=run.artifact_uri or f"{SERVED}{run.experiment_id}/{run.uid}/artifacts",
        lifecycle_stage=stage(run.deleted_at),
        run_id=run.uid,
        end_time=None if run.end_time is None else milliseconds(run.end_time),
    )


def run_data(run: TrackedRun) -> RunData:
    """Give the values of a run."""
    return RunData(
        [MetricMessage(key, number(value), at // MILLISECOND, step) for key, value, at, step in run.metrics],
        [Pair(key, param_text(value)) for key, value in run.params],
        pairs(run.tags),
    )


def run_message(
    run: TrackedRun, datasets: Iterable[Dataset], uses: Mapping[tuple[int, str], list[ModelUse]]
) -> RunMessage:
    """Describe a run with its values, its inputs and its outputs."""
    inputs = RunInputs([dataset_input(data) for data in datasets], uses.get((run.row, INPUT), []))
    return RunMessage(run_info(run), run_data(run), inputs, RunOutputs(uses.get((run.row, OUTPUT), [])))


def dataset_input(data: Dataset) -> DatasetInput:
    """Describe data in the words of the client that sent them; those that autotrack has described get similar ones."""
    origin = data.origin
    if origin is not None:
        dataset = DatasetMessage(
            data.name, data.digest, origin.source_type, origin.source, origin.schema, origin.profile
        )
        return DatasetInput(dataset, pairs(origin.tags))
    source: dict[str, object] = {"uri": data.source} if data.source else {"tags": {}}
    dataset = DatasetMessage(
        data.name,
        data.digest,
        "local" if data.source else "code",
        _text(source),
        _text({"mlflow_colspec": [column for column in data.columns if column.get("name")]}),
        _text(data.profile),
    )
    return DatasetInput(dataset, [Pair(CONTEXT, data.context)])


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
