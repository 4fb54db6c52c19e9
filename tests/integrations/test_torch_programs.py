"""Whole programs on PyTorch: TensorBoard, torchmetrics, the end with an exception, loops in notebooks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import nn

import autotrack
from autotrack.testing import MemoryBackend, MemoryRun

PROGRAM = """
import autotrack
autotrack.enable(only=["torch"], log_system_metrics=False, capture=[])
import torch
def main():
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(4):
        loss = torch.nn.functional.mse_loss(model(torch.ones(3, 2)), torch.zeros(3, 1))
        loss.backward()
        optimizer.step()
        if step == 2:
            raise ValueError("out of data")
main()
"""


@pytest.fixture
def memory() -> Iterator[MemoryBackend]:
    name = os.urandom(4).hex()
    autotrack.enable(to=f"memory://{name}", only=["torch"], log_system_metrics=False, capture=[])
    yield MemoryBackend.named(name)
    autotrack.disable()


def recorded(memory: MemoryBackend) -> MemoryRun:
    autotrack.end_run()
    autotrack.flush(30)
    (run,) = memory.roots
    return run


def a_step(model: nn.Module, optimizer: torch.optim.Optimizer) -> torch.Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(torch.eye(3)), torch.arange(3))
    loss.backward()
    optimizer.step()
    return loss


def test_a_program_that_dies_leaves_a_failed_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "AUTOTRACK_STORE": str(tmp_path / "store")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("ValueError: out of data")
    code = (
        "import autotrack; r, = autotrack.search_runs(); print(r.status, 'out of data' in r.error, r.metrics['loss'])"
    )
    seen = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "AUTOTRACK_STORE": str(tmp_path / "store")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert seen.stdout.split()[:2] == ["failed", "True"], seen.stderr


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # importing TensorBoard warns of TensorFlow's parts
@pytest.mark.parametrize("package", ["torch.utils.tensorboard", "tensorboardX"])
def test_what_is_written_for_tensorboard_is_mirrored(memory: MemoryBackend, tmp_path: Path, package: str) -> None:
    pytest.importorskip(package)
    import importlib

    with importlib.import_module(package).SummaryWriter(str(tmp_path)) as writer:
        model = nn.Linear(3, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        losses = []
        for step in range(3):
            loss = a_step(model, optimizer)
            writer.add_scalar("Loss/train", loss, step)
            writer.add_scalar("loss", loss.item(), step)
            writer.add_scalars("pair", {"a": step, "b": -step}, step)
            losses.append(loss.item())
        writer.add_hparams({"depth": 3}, {"hparam/accuracy": 0.5})
        writer.add_text("notes", "hello")
    run = recorded(memory)
    assert run.metrics["Loss/train"] == run.metrics["tensorboard/loss"] == run.metrics["loss"] == [*enumerate(losses)]
    assert run.metrics["pair/b"] == [(0, 0.0), (1, -1.0), (2, -2.0)]
    assert run.params["depth"] == 3
    assert run.last("hparam/accuracy") == 0.5
    assert "tensorboard/notes.txt" in run.artifacts


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # importing torchmetrics warns of packages it may use
def test_results_of_torchmetrics(memory: MemoryBackend) -> None:
    import copy
    import pickle

    from torchmetrics import MetricCollection
    from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

    accuracy = MulticlassAccuracy(num_classes=3)
    several = MetricCollection({"f1": MulticlassF1Score(num_classes=3)})
    model = nn.Linear(3, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    values = []
    for _ in range(2):
        a_step(model, optimizer)
        with torch.no_grad():
            outputs = model(torch.eye(3))
            F.cross_entropy(outputs, torch.arange(3))
            accuracy(outputs, torch.arange(3))  # the value of the batch is no result
            several.update(outputs, torch.arange(3))
        values.append(accuracy.compute().item())
        several.compute()
        accuracy.reset()
    for metric in (copy.deepcopy(accuracy), pickle.loads(pickle.dumps(accuracy))):
        assert type(metric) is MulticlassAccuracy
    run = recorded(memory)
    assert [value for _, value in run.metrics["val_MulticlassAccuracy"]] == values
    assert len(run.metrics["val_f1"]) == 2


def test_a_loop_in_another_cell_is_a_new_run(memory: MemoryBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:
        model = nn.Linear(3, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for cell in (1, 2):
            shell.execution_count = cell
            for _ in range(cell + 1):
                a_step(model, optimizer)
        autotrack.end_run()
    finally:
        InteractiveShell.clear_instance()
    autotrack.flush(30)
    assert [len(run.metrics["loss"]) for run in memory.roots] == [2, 3]


def test_the_seams_of_torch_are_still_there() -> None:
    """What we patch without torch promising it: a change in torch is to be seen here and not by users."""
    from torch.utils.data.dataloader import _BaseDataLoaderIter

    assert "__next__" in vars(_BaseDataLoaderIter)
    assert "train" in vars(nn.Module)
    state: Any = vars(nn.BatchNorm1d(2))
    assert {"_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"} <= set(state)
