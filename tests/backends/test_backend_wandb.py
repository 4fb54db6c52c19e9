"""Runs in Weights & Biases' offline files, read back with its own protos."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from store_fixtures import Writer
from wandb_files import read_runs

from autotrack.backends import open_backend
from autotrack.backends.base import Backend, BackendContext
from autotrack.backends.wandb.backend import WandbBackend
from autotrack.errors import StoreUnavailableError
from autotrack.evaluation import evaluate
from autotrack.records import ArtifactLogged, EvaluationLogged, ModelLogged, NoteLogged, ParamsLogged
from autotrack.testing import BackendContract, MemoryRun
from autotrack.values import to_param


class TestWandb(BackendContract):
    def open(self, context: BackendContext) -> Backend:
        return open_backend("wandb://team/churn?mode=offline", context)

    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        return read_runs(context.home)[run_id].as_memory()


@pytest.fixture
def wandb(context: BackendContext) -> Iterator[Backend]:
    backend = open_backend("wandb://team/churn?mode=offline", context)
    yield backend
    backend.close()


def test_a_run_with_everything(wandb: Backend, context: BackendContext) -> None:
    writer, child = Writer("a" * 32), Writer("b" * 32)
    folder = context.artifacts / writer.run_id
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "MLmodel").write_text("flavors: {}")
    (folder / "cv_results.csv").write_text("C,score,kind\n0.5,0.9,l1\n1.0,,l2\n")
    truth = np.array([0, 1, 1, 0, 2, 2])
    found = evaluate(truth, np.array([0, 1, 0, 0, 2, 1]), y_score=np.eye(3)[truth] * 0.8 + 0.1, split="test")
    wandb.write(
        [
            writer.started(tags={"team": "x", "mlflow.user": "me"}),
            writer.place(
                ParamsLogged(time=1, params={"nan": to_param(math.nan), "layers": to_param([1, {"a": None}])})
            ),
            child.started(parent_id=writer.run_id, name="fold-1"),
            writer.metrics(step=3, **{"loss": 0.5, "_step": 7.0, "a.b/c": math.inf}),
            writer.place(EvaluationLogged(time=2, split="test", task=found.task, report=found.to_dict())),
            writer.place(NoteLogged(time=2, code="data.skipped", message="no y", level="warning")),
            writer.place(ArtifactLogged(time=2, path="cv_results.csv", size=30)),
            writer.place(ArtifactLogged(time=2, path="model/MLmodel", size=11)),
            writer.place(ModelLogged(time=2, name="model", flavors=["sklearn"], model_id="c" * 32)),
            child.ended(status="interrupted"),
            writer.ended(status="failed", error="ValueError: x"),
        ]
    )
    runs = read_runs(context.home)
    parent, fold = runs["a" * 32], runs["b" * 32]
    assert parent.group == fold.group == "amber-falcon-17-aaaaaaaa"
    assert (parent.exit_code, fold.exit_code, fold.status) == (1, 255, "interrupted")
    assert parent.tags == ["team:x"]
    assert parent.notes == "- **warning** `data.skipped`: no y"
    assert (parent.config["nan"], parent.config["layers"]) == ("nan", [1, {"a": None}])
    assert parent.config["autotrack"]["tags"] == {"team": "x", "mlflow.user": "me"}
    assert parent.points() == {"loss": [(3, 0.5)], "_step_": [(3, 7.0)], "a.b/c": [(3, math.inf)]}
    assert parent.summary["loss"] == 0.5
    assert parent.files() == {"cv_results.csv": 32, "model/MLmodel": 11}
    drawn = {
        key.removeprefix("_wandb/visualize/test/"): value["panel_config"]["panelDefId"]
        for key, value in parent.config.items()
        if key.startswith("_wandb/visualize")
    }
    lines = "wandb/area-under-curve/v0"
    assert drawn == {"confusion_matrix": "wandb/confusion_matrix/v1", "roc": lines, "precision_recall": lines}
    tables = {path.name.split("_table")[0]: json.loads(path.read_text()) for path in context.home.rglob("*.table.json")}
    [matrix] = [table for name, table in tables.items() if name.startswith("confusion_matrix")]
    assert [row for row in matrix["data"] if row[2]] == [
        ["0", "0", 2], ["1", "0", 1], ["1", "1", 1], ["2", "1", 1], ["2", "2", 1],
    ]  # fmt: skip
    [results] = [table for name, table in tables.items() if name.startswith("cv_results")]
    assert results["data"] == [[0.5, 0.9, "l1"], [1, None, "l2"]]


def test_a_row_that_is_sent_again_after_a_crash_has_its_first_number(context: BackendContext) -> None:
    writer = Writer()
    records = [writer.started(), *(writer.metrics(step=step, loss=step / 8) for step in range(20)), writer.ended()]
    for _ in range(2):
        backend = open_backend("wandb://team/churn?mode=offline", context)
        backend.write(records)
        backend.close()
        shutil.rmtree(context.home / "remote")  # as if the process had died before it noted what it had sent
    assert len(list(context.home.glob("wandb/offline-run-*"))) == 2
    [run] = read_runs(context.home).values()
    assert run.points()["loss"] == [(step, step / 8) for step in range(20)]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("wandb://", "is not wandb://entity/project"),
        ("wandb://a/b/c", "is not wandb://entity/project"),
        ("wandb://a/b?mode=fast", "mode=offline"),
        ("wandb://a/b?speed=fast", "no option 'speed'; it takes mode"),
    ],
)
def test_a_url_that_means_nothing_is_explained(url: str, message: str, context: BackendContext) -> None:
    with pytest.raises(StoreUnavailableError, match=re.escape(message)):
        WandbBackend(url, context)
