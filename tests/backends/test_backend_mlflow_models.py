"""Models on an MLflow server in the cases that a plain fit does not meet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faulty_proxy import Proxy, answer, apply_and_reset, forward
from mlflow_server import find_run, read_run

from autotrack.backends import open_backend
from autotrack.backends.base import Backend, BackendContext
from autotrack.errors import RetryableError
from autotrack.journal_reader import place
from autotrack.records import AnyRecord, ArtifactLogged, ModelLogged, RunEnded, RunStarted, TagsSet


@pytest.fixture
def run_id() -> str:
    return os.urandom(16).hex()


@pytest.fixture
def mlflow_backend(proxy: Proxy, context: BackendContext) -> Iterator[Backend]:
    backend = open_backend(proxy.url, context)
    yield backend
    backend.close()


def model_folder(context: BackendContext, run_id: str, model_id: str, name: str = "model") -> list[Any]:
    """Write a model folder, and return the records of its files and of itself."""
    folder = context.artifacts / run_id / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MLmodel").write_text(f'"artifact_path": "{name}"\n"model_id": "{model_id}"\n"run_id": "{run_id}"\n')
    (folder / "model.bin").write_bytes(model_id.encode())
    files = [ArtifactLogged(time=1, path=f"{name}/{file}", size=1) for file in ("MLmodel", "model.bin")]
    return [*files, ModelLogged(time=1, name=name, flavors=["python_function", "toy"], model_id=model_id)]


def placed(records: list[Any], run_id: str, first: int = 0) -> list[AnyRecord]:
    for at, record in enumerate(records):
        place(record, run_id, "w", first + at)
    return records


def started() -> RunStarted:
    return RunStarted(time=1, name="n", experiment="models")


def outputs(url: str, run_id: str) -> list[Any]:
    client, run = find_run(url, run_id)
    return [client.get_logged_model(output.model_id) for output in run.outputs.model_outputs]


@pytest.mark.parametrize(
    "path", ["logged-models ", "mlflow-artifacts", "PATCH", "runs/outputs", "model-versions/create"]
)
def test_a_model_is_made_once(
    mlflow_backend: Backend, proxy: Proxy, mlflow_url: str, context: BackendContext, run_id: str, path: str
) -> None:
    name = f"toy-{run_id[:8]}"
    tag = TagsSet(time=1, tags={"autotrack.registered_model_name": name})
    records = placed([started(), tag, *model_folder(context, run_id, "ab" * 16)], run_id)
    proxy.script = lambda request: apply_and_reset if request.is_for(path) else forward
    with pytest.raises(RetryableError, match="broke"):
        mlflow_backend.write(records)
    proxy.script = lambda _: forward
    mlflow_backend.write(records)
    [model] = outputs(mlflow_url, run_id)
    assert (model.name, model.model_type, model.status) == ("model", "toy", "READY")
    client, _ = find_run(mlflow_url, run_id)
    assert len(client.search_model_versions(f"name = '{name}'")) == 1
    assert read_run(mlflow_url, run_id).artifacts == {}


def test_a_model_registered_afterwards(
    mlflow_backend: Backend, mlflow_url: str, context: BackendContext, run_id: str
) -> None:
    mlflow_backend.write(placed([started(), *model_folder(context, run_id, "ab" * 16)], run_id))
    later = TagsSet(time=1, tags={"autotrack.registered_model_name": f"late-{run_id[:8]}"})
    mlflow_backend.write(placed([later], run_id, first=9))
    client, _ = find_run(mlflow_url, run_id)
    assert len(client.search_model_versions(f"name = 'late-{run_id[:8]}'")) == 1


def test_a_model_replaced_before_it_was_sent(
    mlflow_backend: Backend, mlflow_url: str, context: BackendContext, run_id: str
) -> None:
    both = [*model_folder(context, run_id, "ab" * 16), *model_folder(context, run_id, "cd" * 16)]
    mlflow_backend.write(placed([started(), *both], run_id))
    [model] = outputs(mlflow_url, run_id)
    assert model.tags["autotrack.model_id"] == "cd" * 16


def test_a_server_without_logged_models_gets_a_folder(
    mlflow_backend: Backend, proxy: Proxy, mlflow_url: str, context: BackendContext, run_id: str
) -> None:
    page = answer(404, b"<!doctype html><title>404 Not Found</title>")
    proxy.script = lambda request: page if request.is_for("logged-models") else forward
    mlflow_backend.write(placed([started(), *model_folder(context, run_id, "ab" * 16)], run_id))
    assert set(read_run(mlflow_url, run_id).artifacts) == {"model/MLmodel", "model/model.bin"}


def test_files_of_a_killed_process_are_sent(
    mlflow_backend: Backend, mlflow_url: str, context: BackendContext, run_id: str
) -> None:
    files = model_folder(context, run_id, "ab" * 16)[:2]  # killed before it could say that the model is complete
    mlflow_backend.write(placed([started(), *files, RunEnded(time=2, status="killed")], run_id))
    run = read_run(mlflow_url, run_id)
    assert (set(run.artifacts), run.status) == ({"model/MLmodel", "model/model.bin"}, "killed")


def test_a_model_folder_of_somebody_else_is_files(
    mlflow_backend: Backend, mlflow_url: str, context: BackendContext, run_id: str
) -> None:
    folder: Path = context.artifacts / run_id / "theirs"
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text("run_id: 123\n")
    mlflow_backend.write(placed([started(), ArtifactLogged(time=1, path="theirs/MLmodel", size=12)], run_id))
    assert read_run(mlflow_url, run_id).artifacts == {"theirs/MLmodel": 12}
