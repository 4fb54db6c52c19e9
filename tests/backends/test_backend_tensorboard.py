"""Runs as event files, read back with TensorBoard's own EventAccumulator and with a running TensorBoard's plugins."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_fixtures import Writer
from tensorboard.util.tensor_util import make_ndarray
from tensorboard_files import accumulated, directory, read, session, table

from autotrack.backends import open_backend
from autotrack.backends.base import Backend, BackendContext
from autotrack.errors import StoreUnavailableError
from autotrack.evaluation import evaluate
from autotrack.records import ArtifactLogged, EvaluationLogged, NoteLogged, ParamsLogged
from autotrack.testing import BackendContract, MemoryRun
from autotrack.values import to_param

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738"
    "550000000049454e44ae426082"
)


class TestTensorBoard(BackendContract):
    def open(self, context: BackendContext) -> Backend:
        return open_backend(f"tensorboard://{context.home}/logs", context)

    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        return read(directory(context.home / "logs", run_id))


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def tensorboard(logs: Path, context: BackendContext) -> Any:
    backend = open_backend(f"tensorboard://{logs}", context)
    yield backend
    backend.close()


def _evaluations(writer: Writer) -> list[Any]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    scores = np.clip(truth * 0.3 + rng.random(400) * 0.7, 0, 1)
    binary = evaluate(truth, (scores > 0.5).astype(int), y_score=scores, split="test")
    line = rng.normal(size=300)
    regression = evaluate(line, line + rng.normal(size=300) / 4, split="validation")
    return [
        writer.place(EvaluationLogged(time=5, split=found.split, task=found.task, report=found.to_dict()))
        for found in (binary, regression)
    ]


def test_evaluations_become_curves_pictures_and_histograms(tensorboard: Backend, logs: Path) -> None:
    writer = Writer()
    tensorboard.write([writer.started(), *_evaluations(writer)])
    found = accumulated(directory(logs, writer.run_id))
    true, false, true_negatives, false_negatives, precision, recall = make_ndarray(
        found.Tensors("test/1")[0].tensor_proto
    )
    truth = np.random.default_rng(0).integers(0, 2, 400)
    assert found.SummaryMetadata("test/1").plugin_data.plugin_name == "pr_curves"
    assert np.allclose(true + false_negatives, truth.sum())
    assert np.allclose(false + true_negatives, 400 - truth.sum())
    assert (true[0], false[0]) == (truth.sum(), 400 - truth.sum())
    assert np.allclose(recall, true / truth.sum())
    assert precision[-1] == 1
    assert "evaluation/test_confusion_matrix" in found.Tags()["images"]
    picture = found.Images("evaluation/test_confusion_matrix")[0]
    assert picture.encoded_image_string.startswith(b"\x89PNG")
    assert picture.width > 300
    [histogram] = found.Tags()["histograms"]
    assert histogram.startswith("validation/residuals/")
    assert found.Histograms(histogram)[0].histogram_value.num == 300


def test_what_people_look_for_is_text(tensorboard: Backend, logs: Path, context: BackendContext) -> None:
    writer = Writer()
    picture = context.artifacts / writer.run_id / "plots" / "tree.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(PNG)
    params = {"big": 2**1100, "nan": math.nan, "none": None, "layers": [1, 2], "pipe": "a|b\nc"}
    tensorboard.write([writer.started(tags={"odd|key": "x"})])
    tensorboard.write(
        [
            writer.place(ParamsLogged(time=1, params={key: to_param(value) for key, value in params.items()})),
            writer.place(NoteLogged(time=1, code="evaluation.skipped", message="no data", level="warning")),
            writer.place(ArtifactLogged(time=1, path="plots/tree.png", size=len(PNG))),
            writer.ended(status="failed", error="Traceback\nValueError: x"),
        ]
    )
    found = accumulated(directory(logs, writer.run_id))
    hparams = session(found, "start").hparams
    assert {key: hparams[key].string_value for key in ("nan", "none", "layers", "pipe")} == {
        "nan": "NaN", "none": "null", "layers": "[1, 2]", "pipe": "a|b\nc",
    }  # fmt: skip
    assert hparams["big"].string_value == str(2**1100)
    assert table(found, "params")["pipe"] == r"a\|b<br>c"
    assert found.Images("plots/tree")[0].encoded_image_string == PNG
    texts = {tag: make_ndarray(found.Tensors(tag)[-1].tensor_proto).item().decode() for tag in ("notes", "error")}
    assert texts == {
        "notes": "- **warning** `evaluation.skipped`: no data", "error": "```\nTraceback\nValueError: x\n```",
    }  # fmt: skip
    assert session(found, "end").status == 2  # STATUS_FAILURE


def test_children_lie_below_their_parent(tensorboard: Backend, logs: Path) -> None:
    parent, child = Writer("a" * 32), Writer("b" * 32)
    tensorboard.write([parent.started(experiment="../churn"), child.started(parent_id="a" * 32, name="fold/1")])
    assert (logs / ".autotrack" / ("b" * 32)).read_text() == "_churn/amber-falcon-17-aaaaaaaa/fold_1-bbbbbbbb"
    assert directory(logs, "b" * 32).is_dir()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.binary(max_size=40))
def test_a_crash_in_the_middle_of_a_batch_leaves_no_trace(
    logs: Path, context: BackendContext, sizes: list[int], torn: bytes
) -> None:
    writer = Writer(os.urandom(16).hex())  # all examples share one directory
    records = [writer.started(), *(writer.metrics(step=step, loss=step / 8) for step in range(60)), writer.ended()]
    at = 0
    for size in [*sizes, len(records)]:
        backend = open_backend(f"tensorboard://{logs}", context)
        backend.write(records[max(0, at - 3) : at + size])
        backend.close()
        at += size
        for points in directory(logs, writer.run_id).glob("*.points"):
            with points.open("ab") as file:
                file.write(torn)  # what a process killed between appending and committing leaves
    open_backend(f"tensorboard://{logs}", context).write(records)
    run = read(directory(logs, writer.run_id))
    assert run.metrics["loss"] == [(step, step / 8) for step in range(60)]
    assert run.status == "finished"


def test_a_url_without_a_directory_is_explained(context: BackendContext) -> None:
    with pytest.raises(StoreUnavailableError, match="names no directory; write tensorboard:///absolute"):
        open_backend("tensorboard://", context)


def test_neither_tensorflow_nor_torch_is_loaded(tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules.update(tensorflow=None, torch=None)
from pathlib import Path
from autotrack.backends import BackendContext, open_backend
from autotrack.contracts.backend import a_run
home = Path("{tmp_path}")
backend = open_backend("tensorboard://{tmp_path}/logs", BackendContext(home=home, artifacts=home))
backend.write(a_run())
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
