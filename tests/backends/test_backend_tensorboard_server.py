"""A real TensorBoard server over HTTP: every page that stands in docs/tensorboard.md has its data."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from store_fixtures import Writer

from autotrack.backends import open_backend
from autotrack.backends.base import BackendContext
from autotrack.evaluation import evaluate
from autotrack.records import EvaluationLogged, ParamsLogged
from autotrack.values import to_param

RUN = "e/amber-falcon-17-aaaaaaaa"


class Pages:
    """Asks a server for the data of its pages."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"

    def get(self, path: str, **query: str) -> bytes:
        with urllib.request.urlopen(f"{self._address}/{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
            return bytes(answer.read())

    def data(self, plugin: str, page: str = "tags", **query: str) -> Any:
        return json.loads(self.get(f"data/plugin/{plugin}/{page}", **query))


@contextmanager
def served(logs: Path, *options: str) -> Iterator[Pages]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logs), "--host", "127.0.0.1"]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--reload_interval", "1", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Pages(port)
    finally:
        server.terminate()
        server.wait(30)


def wait_for(pages: Pages, plugin: str) -> dict[str, Any]:
    """Return the tags of the run once the server has found them."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            tags = pages.data(plugin)
        except OSError:  # it has not begun to listen, or answers not yet
            tags = {}
        if tags.get(RUN):
            return dict(tags[RUN])
        time.sleep(0.3)
    raise AssertionError(f"TensorBoard shows nothing on the page {plugin}")


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--load_fast=false",)], ids=["data server", "python"])
def test_every_page_has_its_data(options: tuple[str, ...], context: BackendContext, tmp_path: Path) -> None:
    writer, rng = Writer("a" * 32), np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    scores = np.clip(truth * 0.3 + rng.random(400) * 0.7, 0, 1)
    line = rng.normal(size=300)
    binary = evaluate(truth, (scores > 0.5).astype(int), y_score=scores, split="test")
    regression = evaluate(line, line + rng.normal(size=300) / 4, split="validation")
    backend = open_backend(f"tensorboard://{tmp_path}/logs", context)
    second = 10**9
    with served(tmp_path / "logs", *options) as pages:  # it runs before there is anything, as people have it
        backend.write(
            [writer.started(time=second), writer.place(ParamsLogged(time=second, params={"C": to_param(0.5)}))]
        )
        backend.write([writer.metrics(step=step, time=second, loss=0.5**step) for step in range(3)])
        for found in (binary, regression):
            report = found.to_dict()
            backend.write(
                [writer.place(EvaluationLogged(time=second, split=found.split, task=found.task, report=report))]
            )
        backend.write([writer.ended(time=2 * second)])
        backend.close()

        assert set(wait_for(pages, "pr_curves")) == {"test/1"}
        [curve] = pages.data("pr_curves", "pr_curves", run=RUN, tag="test/1")[RUN]
        assert curve["true_positives"][0] + curve["false_negatives"][0] == truth.sum()
        assert len(curve["precision"]) == len(curve["thresholds"])

        pictures = wait_for(pages, "images")
        assert {"evaluation/test_confusion_matrix", "evaluation/test_roc_curve"} <= set(pictures)
        [picture] = pages.data("images", "images", run=RUN, tag="evaluation/test_confusion_matrix", sample="0")
        shown = pages.get(f"data/plugin/images/individualImage?{picture['query']}&")
        assert shown.startswith(b"\x89PNG")

        [histogram] = wait_for(pages, "histograms")
        assert histogram.startswith("validation/residuals/")
        assert [point[1:] for point in pages.data("scalars", "scalars", run=RUN, tag="loss")] == [
            [0, 1.0], [1, 0.5], [2, 0.25],
        ]  # fmt: skip
        assert "run" in pages.data("text")[RUN]
        experiment = pages.data("hparams", "experiment", request=json.dumps({"experimentName": ""}))
        assert [found["name"] for found in experiment["hparamInfos"]] == ["C"]
