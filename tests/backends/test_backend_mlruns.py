"""Runs as MLflow's `mlruns` folder, read back with MLflow's own client."""

from __future__ import annotations

from ast import literal_eval
from pathlib import Path
from typing import Any

import pytest
from store_fixtures import Writer

from autotrack.backends import open_backend
from autotrack.backends.base import Backend, BackendContext
from autotrack.evaluation import evaluate
from autotrack.records import DatasetLogged, EvaluationLogged
from autotrack.testing import BackendContract, MemoryRun

mlflow = pytest.importorskip("mlflow")


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")


def _value(text: str) -> Any:
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def read(folder: Path, run_id: str) -> MemoryRun:
    client = mlflow.MlflowClient(folder.as_uri())
    run = client.get_run(run_id)
    histories = {key: client.get_metric_history(run_id, key) for key in run.data.metrics}
    root = Path(run.info.artifact_uri.removeprefix("file://"))
    assert [found.path for found in client.list_artifacts(run_id)] == sorted(path.name for path in root.iterdir())
    return MemoryRun(
        id=run_id,
        name=run.info.run_name,
        experiment=client.get_experiment(run.info.experiment_id).name,
        status=run.info.status.lower(),
        params={key: _value(text) for key, text in run.data.params.items()},
        metrics={key: [(point.step, point.value) for point in points] for key, points in histories.items()},
        tags=dict(run.data.tags),
        artifacts={
            path.relative_to(root).as_posix(): path.stat().st_size for path in root.rglob("*") if path.is_file()
        },
    )


class TestMlruns(BackendContract):
    def open(self, context: BackendContext) -> Backend:
        return open_backend(f"mlruns://{context.home}/mlruns", context)

    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        return read(context.home / "mlruns", run_id)


def test_children_data_evaluations_and_odd_keys(tmp_path: Path, context: BackendContext) -> None:
    parent, child = Writer("a" * 32), Writer("b" * 32)
    report = evaluate([0, 1, 1, 0], [0, 1, 0, 0], split="test")
    backend = open_backend(f"mlruns://{tmp_path}/mlruns", context)
    backend.write(
        [
            parent.started(),
            child.started(parent_id="a" * 32),
            parent.metrics(**{"loss": 0.1, "loss/train": 0.2, "a=b": 0.3}),
            parent.place(DatasetLogged(time=1, name="rows", context="train", digest="12", schema=[])),
            parent.place(EvaluationLogged(time=2, split="test", task=report.task, report=report.to_dict())),
            child.ended(status="failed", error="Traceback\nValueError: x"),
        ]
    )
    backend.close()
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    [experiment] = client.search_experiments(filter_string="name = 'e'")
    runs = {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"a" * 32, "b" * 32}
    assert sorted(runs["a" * 32].data.metrics.values()) == [0.1, 0.2, 0.3]
    assert runs["b" * 32].data.tags["mlflow.parentRunId"] == "a" * 32
    assert runs["b" * 32].info.status == "FAILED"
    [data] = runs["a" * 32].inputs.dataset_inputs
    assert (data.dataset.name, data.tags[0].value) == ("rows", "train")
    files = {file.path for file in client.list_artifacts("a" * 32)}
    assert "test_confusion_matrix.png" in files


def test_an_experiment_of_mlflow_is_joined(tmp_path: Path, context: BackendContext) -> None:
    folder = tmp_path / "mlruns"
    client = mlflow.MlflowClient(folder.as_uri())
    experiment = client.create_experiment("e")
    backend = open_backend(f"mlruns://{folder}", context)
    writer = Writer()
    backend.write([writer.started()])
    backend.close()
    assert client.get_run(writer.run_id).info.experiment_id == experiment
