"""The logger and the callback that can be given to Lightning without `enable()`."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import lightning
import pytest
import pytorch_lightning
from lightning.fabric import Fabric
from lightning.pytorch.loggers import CSVLogger
from lightning_models import Regression, fit, points_of

import autotrack
from autotrack import recording
from autotrack.integrations.lightning import AutotrackCallback, AutotrackLogger
from autotrack.records import FAILED, FINISHED
from autotrack.settings import resolve
from autotrack.testing import MemoryBackend


@pytest.fixture
def memory(request: pytest.FixtureRequest) -> Iterator[MemoryBackend]:
    """Record into memory, with nothing patched."""
    url = f"memory://{request.node.nodeid}"
    recording.configure(resolve(to=[url], capture=[], log_system_metrics=False).settings)
    yield MemoryBackend.named(request.node.nodeid)
    recording.close_recorder()
    recording.forget_settings()


def roots(memory: MemoryBackend) -> list[Any]:
    autotrack.flush()
    return memory.roots


def test_the_logger_gets_what_every_logger_gets(memory: MemoryBackend) -> None:
    csv = CSVLogger(".")
    made = fit(logger=[AutotrackLogger(name="mine", experiment="study"), csv])
    (run,) = roots(memory)
    expected = points_of(csv)
    assert {key: run.metrics[key] for key in expected} == expected
    assert (run.name, run.experiment, run.status) == ("mine", "study", FINISHED)
    assert run.params["hidden"] == 8
    assert made.loggers[0].version is None  # the next fit is a new run


def test_the_callback_records_what_a_fit_is_set_to(memory: MemoryBackend) -> None:
    fit(callbacks=[AutotrackCallback()])
    (run,) = roots(memory)
    assert run.status == FINISHED
    assert [step for step, _ in run.metrics["loss_epoch"]] == [3, 7]
    assert run.params["optimizer_name"] == "Adam"
    assert {"model/MLmodel", "model.safetensors", "model_summary.txt"} < set(run.artifacts)
    assert "lr-Adam/pg1" in run.metrics


def test_logger_and_callback_share_a_run(memory: MemoryBackend) -> None:
    fit(logger=AutotrackLogger(), callbacks=[AutotrackCallback()])
    (run,) = roots(memory)
    assert [step for step, _ in run.metrics["loss_step"]] == list(range(8))
    assert len(run.metrics["loss_epoch"]) == 2
    assert run.params["optimizer_name"] == "Adam"


def test_both_log_into_a_run_that_is_given(memory: MemoryBackend) -> None:
    with autotrack.start_run("mine") as run:
        pass
    fit(logger=AutotrackLogger(run), callbacks=[AutotrackCallback(run)])
    (found,) = roots(memory)
    assert (found.name, len(found.metrics["loss_step"])) == ("mine", 8)


def test_beside_enable_nothing_is_recorded_twice(recorded: Any) -> None:
    fit(logger=AutotrackLogger(), callbacks=[AutotrackCallback()])
    run = recorded.only
    assert [step for step, _ in run.metrics["loss_step"]] == list(range(8))
    assert len(run.metrics["epoch_seconds"]) == 2


def test_a_failed_fit_ends_their_run_as_failed(memory: MemoryBackend) -> None:
    class Broken(Regression):
        def on_train_epoch_end(self) -> None:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fit(Broken(), callbacks=[AutotrackCallback()])
    with pytest.raises(ValueError, match="broken"):
        fit(Broken(), logger=AutotrackLogger())
    assert [run.status for run in roots(memory)] == [FAILED, FAILED]


def test_fabric_takes_the_logger(memory: MemoryBackend) -> None:
    logger = AutotrackLogger(name="loop")
    fabric = Fabric(accelerator="cpu", loggers=logger)
    for step in range(3):
        fabric.log_dict({"loss": 1 / (step + 1)}, step=step)
    logger.log_hyperparams({"lr": 0.1, "net": {"width": 3}})
    logger.finalize("success")
    (run,) = roots(memory)
    assert run.metrics["loss"] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert run.params == {"lr": 0.1, "net/width": 3}
    assert run.status == FINISHED


def test_they_travel_without_their_run(memory: MemoryBackend) -> None:
    logger, callback = AutotrackLogger(), AutotrackCallback()
    logger.log_metrics({"loss": 1.0}, 0)
    assert pickle.loads(pickle.dumps(logger))._own is None
    assert pickle.loads(pickle.dumps(callback))._recording is None
    logger.finalize("success")


def test_both_packages_accept_them() -> None:
    for package in (lightning.pytorch, pytorch_lightning):
        assert issubclass(AutotrackCallback, package.Callback)
        assert issubclass(AutotrackLogger, package.loggers.Logger)
