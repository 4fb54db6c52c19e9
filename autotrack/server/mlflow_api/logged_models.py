"""Logged models, and how runs are linked with data and models."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from autotrack.errors import ConflictError
from autotrack.server.mlflow_api.endpoint import (
    Call,
    Endpoint,
    OfModel,
    of_experiment,
    of_model,
    of_run,
    reads,
    writes,
)
from autotrack.server.mlflow_api.experiments import active_experiment
from autotrack.server.mlflow_api.messages import CONTEXT
from autotrack.server.mlflow_api.model_messages import model_message
from autotrack.server.mlflow_api.protocol import MISSING, ProtocolError
from autotrack.server.mlflow_api.requests import ExperimentId, Int64, Name, OfRun, TagField
from autotrack.store.tracking import inputs, logged_models, runs
from autotrack.store.tracking.inputs import INPUT, OUTPUT, Dataset, ModelUse, Origin
from autotrack.store.tracking.run_reading import get_run
from autotrack.store.tracking.runs import find_run

PENDING, READY, FAILED = "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"
STATUSES = {1: PENDING, 2: READY, 3: FAILED}
HISTORY = "mlflow.log-model.history"
"""Tag in which clients before MLflow 3 look for the models of a run."""

_Text = Annotated[str, Meta(max_length=1 << 20)]


class ParamField(msgspec.Struct):
    """A parameter."""

    key: Name
    value: str = ""


class Create(msgspec.Struct):
    """Make a model."""

    experiment_id: ExperimentId
    name: Annotated[str, Meta(max_length=500)] = ""
    model_type: str | None = None
    source_run_id: str | None = None
    params: list[ParamField] = []
    tags: list[TagField] = []


class Finalize(OfModel, kw_only=True):
    """Say whether the files of a model are complete."""

    status: str | int


class SetTags(OfModel, kw_only=True):
    """Set tags."""

    tags: list[TagField] = msgspec.field(default_factory=list)


class DeleteTag(OfModel, kw_only=True):
    """Remove a tag."""

    tag_key: str


class LogParams(OfModel, kw_only=True):
    """Set parameters."""

    params: list[ParamField] = msgspec.field(default_factory=list)


class DatasetField(msgspec.Struct):
    """Data, described in texts."""

    name: Name
    digest: Annotated[str, Meta(min_length=1, max_length=36)]
    source_type: str = ""
    source: _Text = ""
    schema: _Text | None = None
    profile: Annotated[str, Meta(max_length=1 << 24)] | None = None


class DatasetInput(msgspec.Struct):
    """Data, and in which role they went into a run."""

    dataset: DatasetField
    tags: list[TagField] = []


class ModelField(msgspec.Struct):
    """A model that a run used or made."""

    model_id: Annotated[str, Meta(min_length=1)]
    step: Int64 = 0


class LogInputs(OfRun, kw_only=True):
    """Say what went into a run."""

    datasets: Annotated[list[DatasetInput], Meta(max_length=1_000)] = msgspec.field(default_factory=list)
    models: Annotated[list[ModelField], Meta(max_length=1_000)] = msgspec.field(default_factory=list)


class LogOutputs(OfRun, kw_only=True):
    """Say what came out of a run."""

    models: Annotated[list[ModelField], Meta(max_length=1_000)] = msgspec.field(default_factory=list)


class LogModel(OfRun, kw_only=True):
    """Note a model of the kind before MLflow 3: a description in JSON, kept in a tag of the run."""

    model_json: Annotated[str, Meta(min_length=1, max_length=1 << 20)]


def create(call: Call, asked: Create) -> Any:
    """Make a model."""
    experiment = active_experiment(call, asked.experiment_id)
    new = logged_models.NewModel(
        experiment_id=experiment.id,
        name=_checked_name(asked.name) or "model",
        kind=asked.model_type,
        run_uid=asked.source_run_id or None,
        artifact_location=experiment.artifact_location,
        params={param.key: param.value for param in asked.params},
        tags={tag.key: tag.value for tag in asked.tags},
    )
    return {"model": model_message(logged_models.create_model(call.connection, new, PENDING))}


def _checked_name(name: str) -> str:
    if set(name) & set("/:.%\"'"):
        raise ProtocolError(
            f"Invalid model name ({name[:80]!r}) provided. Model name must be a non-empty string and cannot contain "
            "the following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )
    return name


def get(call: Call, asked: OfModel) -> Any:
    """Read a model."""
    return {"model": model_message(logged_models.get_model(call.connection, asked.model_id))}


def finalize(call: Call, asked: Finalize) -> Any:
    """Say whether the files of a model are complete."""
    status = STATUSES.get(asked.status, "") if isinstance(asked.status, int) else asked.status
    if status not in {READY, FAILED}:
        raise ProtocolError(f"a model becomes {READY} or {FAILED}")
    return {"model": model_message(logged_models.set_status(call.connection, asked.model_id, status))}


def delete(call: Call, asked: OfModel) -> None:
    """Delete a model."""
    logged_models.delete_model(call.connection, asked.model_id)


def set_tags(call: Call, asked: SetTags) -> None:
    """Set tags."""
    model = logged_models.get_model(call.connection, asked.model_id)
    logged_models.set_tags(call.connection, model.id, {tag.key: tag.value for tag in asked.tags})


def delete_tag(call: Call, asked: DeleteTag) -> None:
    """Remove a tag."""
    model = logged_models.get_model(call.connection, asked.model_id)
    if not logged_models.delete_tag(call.connection, model.id, asked.tag_key):
        raise ProtocolError(f"No tag with key {asked.tag_key!r} found for model {asked.model_id!r}.", MISSING)


def log_params(call: Call, asked: LogParams) -> None:
    """Set parameters."""
    model = logged_models.get_model(call.connection, asked.model_id)
    logged_models.log_params(call.connection, model.id, {param.key: param.value for param in asked.params})


def log_inputs(call: Call, asked: LogInputs) -> None:
    """Say what went into a run."""
    row = find_run(call.connection, asked.id, active=True).row
    inputs.log_datasets(call.connection, row, [_dataset(given) for given in asked.datasets])
    inputs.use_models(call.connection, row, INPUT, _uses(asked.models), once=False)


def log_outputs(call: Call, asked: LogOutputs) -> None:
    """Say what came out of a run."""
    row = find_run(call.connection, asked.id, active=True).row
    try:
        inputs.use_models(call.connection, row, OUTPUT, _uses(asked.models), once=True)
    except ConflictError as error:
        raise ProtocolError(str(error), "BAD_REQUEST") from error


def log_model(call: Call, asked: LogModel) -> None:
    """Note a model of the kind before MLflow 3 in the tag where its clients look for it."""
    row = find_run(call.connection, asked.id, active=True, lock=True).row
    known = msgspec.json.decode(get_run(call.connection, asked.id).tags.get(HISTORY, "[]"), type=list[Any])
    new = msgspec.json.decode(asked.model_json, type=dict[str, Any])
    runs.set_tags(call.connection, row, {HISTORY: msgspec.json.encode([*known, new]).decode()})


def _uses(models: list[ModelField]) -> list[ModelUse]:
    return [ModelUse(model.model_id, model.step) for model in models]


def _dataset(given: DatasetInput) -> Dataset:
    data, tags = given.dataset, {tag.key: tag.value for tag in given.tags}
    schema = _object(data.schema)
    columns = schema.get("mlflow_colspec")
    return Dataset(
        name=data.name,
        digest=data.digest,
        context=tags.get(CONTEXT, ""),
        columns=[column for column in columns if isinstance(column, dict)] if isinstance(columns, list) else [],
        profile=_object(data.profile),
        source=_object(data.source).get("uri") if isinstance(_object(data.source).get("uri"), str) else None,
        origin=Origin(data.source_type, data.source, data.schema, data.profile, tags),
    )


def _object(text: str | None) -> dict[str, Any]:
    """Return what a text of a client says, if it is an object in JSON; it is free to say something else."""
    try:
        value = msgspec.json.decode(text or "{}")
    except (msgspec.MsgspecError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


ENDPOINTS: list[Endpoint] = [
    writes("logged-models", Create, create, of_experiment),
    reads("logged-models/{model_id}", OfModel, get, of_model),
    writes("logged-models/{model_id}", Finalize, finalize, of_model, method="PATCH"),
    writes("logged-models/{model_id}", OfModel, delete, of_model, method="DELETE"),
    writes("logged-models/{model_id}/tags", SetTags, set_tags, of_model, method="PATCH"),
    writes("logged-models/{model_id}/tags/{tag_key}", DeleteTag, delete_tag, of_model, method="DELETE"),
    writes("logged-models/{model_id}/params", LogParams, log_params, of_model),
    writes("runs/log-inputs", LogInputs, log_inputs, of_run),
    writes("runs/outputs", LogOutputs, log_outputs, of_run),
    writes("runs/log-model", LogModel, log_model, of_run),
]
