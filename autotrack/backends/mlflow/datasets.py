"""Fingerprints of data as MLflow's dataset inputs, in the words that its page and its Python client read."""

from __future__ import annotations

from typing import Any

import msgspec

from autotrack.backends.mlflow.client import MlflowClient
from autotrack.records import DatasetLogged

MAX_NAME, MAX_DIGEST, MAX_CONTEXT = 500, 36, 500
MAX_SCHEMA, MAX_SOURCE = 1_048_575, 65_535
CONTEXT = "mlflow.data.context"
_TYPES = {
    "bool": "boolean",
    "int8": "integer",
    "int16": "integer",
    "int32": "integer",
    "int64": "long",
    "uint8": "integer",
    "uint16": "integer",
    "uint32": "long",
    "float16": "float",
    "float32": "float",
    "float64": "double",
    "float": "double",
    "int": "long",
    "str": "string",
    "object": "string",
    "string": "string",
    "category": "string",
}


def log_inputs(client: MlflowClient, run_id: str, datasets: list[DatasetLogged]) -> None:
    """Tell which data went into a run; the server passes over those it has."""
    if datasets:
        client.post("runs/log-inputs", {"run_id": run_id, "datasets": [dataset_input(data) for data in datasets]})


def dataset_input(data: DatasetLogged) -> dict[str, Any]:
    """Return one input as MLflow's protocol has it: the dataset, and the tags of its use."""
    dataset = {
        "name": data.name[:MAX_NAME] or "dataset",
        "digest": data.digest[:MAX_DIGEST] or "unknown",
        "source_type": "local" if data.source else "code",
        "source": _text({"uri": data.source} if data.source else {"tags": {}})[:MAX_SOURCE],
        "profile": _text(data.profile),
    }
    schema = _schema(data.schema)
    if schema and len(schema) <= MAX_SCHEMA:
        dataset["schema"] = schema
    return {"tags": [{"key": CONTEXT, "value": data.context[:MAX_CONTEXT]}], "dataset": dataset}


def _schema(columns: list[dict[str, Any]]) -> str:
    """Return named columns as `mlflow_colspec`, and a whole array as `mlflow_tensorspec`."""
    features = [column for column in columns if column.get("role") != "target"]
    if not features:
        return ""
    if all(column.get("name") for column in features):
        return _text({"mlflow_colspec": [_column(column) for column in features]})
    array = features[0]
    spec = {"dtype": array.get("type", "object"), "shape": array.get("shape", [-1])}
    return _text({"mlflow_tensorspec": {"features": [{"type": "tensor", "tensor-spec": spec}], "targets": None}})


def _column(column: dict[str, Any]) -> dict[str, Any]:
    kind = str(column.get("type", "object"))
    if kind.startswith("datetime"):
        kind = "datetime"
    return {"type": _TYPES.get(kind.lower(), kind if kind == "datetime" else "string"), "name": str(column["name"])}


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
