"""The same programs logged to every backend in one go, and read back from each with that project's own reader."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from offline_archives import read_clearml, read_comet, read_trackio
from tensorboard_files import directory as event_files
from tensorboard_files import read as read_event_files
from wandb_files import read_runs

from autotrack.store import Store
from autotrack.testing import MemoryRun
from autotrack.values import from_param

pytestmark = pytest.mark.slow

PROGRAMS = {
    "sklearn": """
from sklearn.linear_model import SGDClassifier
model = SGDClassifier(loss="log_loss", max_iter=20, random_state=0).fit(X, y)
model.score(X_test, y_test)
""",
    "xgboost": """
import xgboost
xgboost.XGBClassifier(n_estimators=7).fit(X, y, eval_set=[(X, y), (X_test, y_test)], verbose=False)
""",
    "lightgbm": """
import lightgbm
lightgbm.LGBMClassifier(n_estimators=7, verbose=-1).fit(X, y, eval_set=[(X_test, y_test)])
""",
    "keras": """
import keras
model = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1, activation="sigmoid")])
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(X, y, epochs=3, verbose=0, validation_data=(X_test, y_test))
""",
    "lightning": """
import lightning, torch
class Net(lightning.LightningModule):
    def __init__(self, width=4):
        super().__init__()
        self.save_hyperparameters()
        self.layers = torch.nn.Sequential(torch.nn.Linear(30, width), torch.nn.ReLU(), torch.nn.Linear(width, 1))
    def training_step(self, batch, index):
        rows, wanted = batch
        loss = torch.nn.functional.binary_cross_entropy_with_logits(self.layers(rows)[:, 0], wanted)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)
data = torch.utils.data.TensorDataset(torch.tensor(X).float(), torch.tensor(y).float())
quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "enable_checkpointing": False}
trainer = lightning.Trainer(max_epochs=3, accelerator="cpu", log_every_n_steps=1, **quiet)
trainer.fit(Net(), torch.utils.data.DataLoader(data, batch_size=64))
""",
}
FRAME = """
import os, sys, warnings
warnings.simplefilter("ignore")
import autotrack
autotrack.enable(to={targets!r}, log_system_metrics=False, capture=["environment"])
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
X, y = load_breast_cancer(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / X.max(axis=0), y, random_state=0)
for program in {programs!r}.values():
    exec(program, dict(globals()))
assert autotrack.flush(300), "not everything was delivered"
"""
Read = Callable[[str], MemoryRun]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, mlflow_url: str) -> Path:
    """Run all programs once, into all backends, and return where everything is."""
    place = tmp_path_factory.mktemp("together")
    folders = [f"{scheme}://{place}/{scheme}" for scheme in ("jsonl", "tensorboard", "mlruns", "clearml")]
    services = ["wandb://team/churn?mode=offline", "trackio://churn", "comet://team/churn"]
    program = FRAME.format(targets=[str(place / "home"), mlflow_url, *folders, *services], programs=PROGRAMS)
    environment = {"TRACKIO_DIR": str(place / "trackio"), "KERAS_BACKEND": "torch", "AUTOTRACK_TESTING": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=place,
        env={**os.environ, **environment, "HOME": str(place), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return place


@pytest.fixture(scope="module")
def truth(place: Path) -> dict[str, MemoryRun]:
    """Return what the embedded store has of each run."""
    with Store.open(str(place / "home")) as store:
        return {found.id: stored(store, found.id) for found in store.search()}


def stored(store: Store, run_id: str) -> MemoryRun:
    row = store.find_run(run_id)
    histories = {key: store.metric_history(run_id, key) for key in row.metrics}
    return MemoryRun(
        id=run_id,
        name=row.name,
        experiment=row.experiment,
        source=row.source,
        status=row.status,
        params={key: from_param(value) for key, value in row.params.items()},
        metrics={
            key: [(int(step), float(value)) for step, value in zip(points.steps, points.values, strict=True)]
            for key, points in histories.items()
        },
        tags=dict(row.tags),
        artifacts={artifact.path: artifact.size for artifact in store.artifacts(run_id)},
    )


@pytest.fixture
def readers(place: Path, mlflow_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Read]:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    from trackio import sqlite_storage, utils

    for module in (sqlite_storage, utils):
        monkeypatch.setattr(module, "TRACKIO_DIR", place / "trackio")
    wandb = read_runs(place / "home")
    return {
        "jsonl": lambda run_id: read_jsonl(place / "jsonl" / run_id),
        "tensorboard": lambda run_id: read_event_files(event_files(place / "tensorboard", run_id)),
        "mlruns": lambda run_id: read_mlflow((place / "mlruns").as_uri(), run_id),
        "mlflow": lambda run_id: read_mlflow(mlflow_url, run_id),
        "wandb": lambda run_id: wandb[run_id].as_memory(),
        "trackio": lambda run_id: read_trackio("churn", run_id),
        "comet": lambda run_id: read_comet(place / "home" / "comet", run_id),
        "clearml": lambda run_id: read_clearml(place / "clearml", run_id),
    }


def test_all_programs_were_recorded(truth: dict[str, MemoryRun]) -> None:
    assert sorted(run.source for run in truth.values()) == sorted(PROGRAMS)
    assert {run.status for run in truth.values()} == {"finished"}
    for run in truth.values():
        assert run.params
        assert max(map(len, run.metrics.values())) >= 3 or run.source == "sklearn"
        assert "model/MLmodel" in run.artifacts


@pytest.mark.parametrize(
    "backend", ["jsonl", "tensorboard", "mlruns", "mlflow", "wandb", "trackio", "comet", "clearml"]
)
def test_every_backend_has_the_same(backend: str, readers: dict[str, Read], truth: dict[str, MemoryRun]) -> None:
    assert len(truth) == len(PROGRAMS)
    for run_id, known in truth.items():
        found = readers[backend](run_id)
        assert (found.name, found.experiment, found.status) == (known.name, known.experiment, known.status)
        assert {key: told(value) for key, value in found.params.items()} == {
            key: told(value) for key, value in known.params.items()
        }
        single = backend == "tensorboard"  # it keeps 32 bits
        assert points(found.metrics, single=single) == points(known.metrics, single=single)
        for path, size in known.artifacts.items():
            rewritten = backend == "mlflow" and path.endswith("/MLmodel")  # it names the model by the server's id
            assert found.artifacts.get(path) == (found.artifacts[path] if rewritten else size), (
                f"{path} of {known.name}"
            )


def points(metrics: dict[str, list[tuple[int, float]]], *, single: bool) -> dict[str, list[tuple[int, str]]]:
    return {
        key: [(step, repr(float(np.float32(value)) if single else value)) for step, value in sorted(series)]
        for key, series in metrics.items()
    }


def told(value: Any) -> str:
    """Return a parameter as text that is the same whether its type was kept or only its text."""
    text = value if isinstance(value, str) else json.dumps(value)
    if text in ("null", "None", ""):
        return "null"
    try:
        return repr(float(text))
    except ValueError:
        return text.replace("'", '"').replace("True", "true").replace("False", "false").replace("None", "null")


def read_jsonl(folder: Path) -> MemoryRun:
    about = json.loads((folder / "run.json").read_text())
    run = MemoryRun(about["id"], about["name"], about["experiment"], status=about["status"], params=about["params"])
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        point = json.loads(line)
        run.metrics.setdefault(point["key"], []).append((point["step"], float(point["value"])))
    files = [path for path in (folder / "artifacts").rglob("*") if path.is_file()]
    run.artifacts = {path.relative_to(folder / "artifacts").as_posix(): path.stat().st_size for path in files}
    return run


def read_mlflow(uri: str, run_id: str) -> MemoryRun:
    import mlflow

    client = mlflow.MlflowClient(uri)
    experiments = [found.experiment_id for found in client.search_experiments()]
    marked = client.search_runs(experiments, f"tags.`autotrack.run_id` = '{run_id}'")
    [found] = marked or [client.get_run(run_id)]
    run = MemoryRun(run_id, found.info.run_name, client.get_experiment(found.info.experiment_id).name)
    run.status, run.params = found.info.status.lower(), dict(found.data.params)
    for key in found.data.metrics:
        history = client.get_metric_history(found.info.run_id, key)
        run.metrics[key] = [(point.step, point.value) for point in history]
    run.artifacts = dict(mlflow_files(partial(client.list_artifacts, found.info.run_id), None))
    for output in found.outputs.model_outputs if found.outputs else ():
        model = client.get_logged_model(output.model_id)
        inside = mlflow_files(partial(client.list_logged_model_artifacts, model.model_id), None)
        run.artifacts |= {f"{model.name}/{path}": size for path, size in inside}
    return run


def mlflow_files(items: Callable[[str | None], Any], folder: str | None) -> Iterator[tuple[str, int]]:
    for item in items(folder):
        if item.is_dir:
            yield from mlflow_files(items, item.path)
        else:
            yield item.path, item.file_size
