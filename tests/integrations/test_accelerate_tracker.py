"""The tracker for Accelerate: one run, of however many processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

import autotrack
from autotrack.integrations.accelerate import AutotrackTracker
from autotrack.records import FINISHED

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # what accelerate says of the machine
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "accelerate_quickstart.py"


@pytest.fixture(autouse=True)
def fresh_accelerator() -> Iterator[None]:
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def accelerator(**options: Any) -> Accelerator:
    found = Accelerator(log_with=AutotrackTracker("churn", **options), cpu=True)
    found.init_trackers("churn", config={"lr": 0.1, "optimizer": {"kind": "sgd", "layers": [1, 2]}})
    return found


def test_what_an_accelerator_is_told_is_one_run(recorded: Any) -> None:
    told = accelerator(run_name="first")
    for step in range(3):
        told.log({"loss": torch.tensor(1.0 / (step + 1)), "val": {"accuracy": 0.5}}, step=step * 10)
    told.log({"loss": 0.1, "stage": "fine-tuning"})
    told.get_tracker("autotrack", unwrap=True).log_text("it went well", "notes.txt")
    assert recorded.only.status == "running"
    told.end_training()
    run = recorded.only
    assert (run.name, run.experiment, run.source, run.status) == ("first", "churn", "accelerate", FINISHED)
    assert run.params == {"lr": 0.1, "optimizer/kind": "sgd", "optimizer/layers": [1, 2]}
    assert run.metrics["loss"] == [(0, 1.0), (10, 0.5), (20, pytest.approx(1 / 3)), (21, 0.1)]
    assert [step for step, _ in run.metrics["val/accuracy"]] == [0, 10, 20]
    assert run.tags["stage"] == "fine-tuning"
    assert "notes.txt" in run.artifacts
    assert autotrack.active_run() is None


def test_the_loop_is_recorded_in_the_same_run(recorded: Any) -> None:
    told = accelerator()
    network = torch.nn.Linear(2, 1)
    network, optimizer = told.prepare(network, torch.optim.SGD(network.parameters(), lr=0.1))
    for _ in range(3):
        optimizer.zero_grad()
        told.backward(torch.nn.functional.mse_loss(network(torch.ones(4, 2)), torch.ones(4, 1)))
        optimizer.step()
    told.log({"epoch_loss": 0.5}, step=0)
    told.end_training()
    run = recorded.only
    assert run.source == "accelerate"
    assert len(run.metrics["loss"]) == 3
    assert run.last("epoch_loss") == 0.5


def test_a_run_of_the_user_is_used_and_left_open(recorded: Any) -> None:
    with autotrack.start_run("mine") as mine:
        told = accelerator()
        told.log({"loss": 0.5}, step=1)
        told.end_training()
        assert mine.status is None
    assert recorded.only.params["lr"] == 0.1
    assert recorded.only.metrics["loss"] == [(1, 0.5)]


@pytest.mark.slow
def test_two_processes_are_one_run(tmp_path: Path) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1"]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launcher, "--nproc_per_node=2", str(EXAMPLE)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (run,) = autotrack.search_runs()
    assert (run.name, run.status) == ("quickstart", FINISHED)
    assert run.params["learning_rate"] == 0.1
    assert len(run.metric_history("epoch_loss")) == 3
