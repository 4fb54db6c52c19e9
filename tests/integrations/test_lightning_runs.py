"""Which run a fit or an evaluation of Lightning goes to, and how it ends."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import LearningRateFinder, ModelCheckpoint
from lightning.pytorch.tuner import Tuner
from lightning_models import Regression, fit, loader, trainer

import autotrack
from autotrack.recording import close_recorder
from autotrack.records import FAILED, FINISHED, INTERRUPTED


def test_a_second_fit_is_a_new_run(recorded: Any) -> None:
    module, made = Regression(), trainer(max_epochs=1)
    made.fit(module, loader(), loader())
    made.fit_loop.max_epochs = 3
    made.fit(module, loader(), loader())
    first, second = recorded.roots
    assert [step for step, _ in first.metrics["loss_epoch"]] == [3]
    assert [step for step, _ in second.metrics["loss_epoch"]] == [7, 11]
    assert (first.params["epochs"], second.params["epochs"]) == (1, 3)
    assert second.tags["autotrack.continued_from"] == first.id


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_a_resumed_fit_continues_the_run_when_asked(recorded: Any, tmp_path: Path) -> None:
    made = fit(callbacks=[ModelCheckpoint(tmp_path / "last")])
    run_id = recorded.only.id
    with autotrack.start_run(run_id=run_id):
        resumed = trainer(max_epochs=4, callbacks=[ModelCheckpoint(tmp_path / "next")])
        resumed.fit(Regression(), loader(), loader(), ckpt_path=made.checkpoint_callback.best_model_path)
    run = recorded.only
    assert [step for step, _ in run.metrics["loss_epoch"]] == [3, 7, 11, 15]
    assert (run.id, run.status) == (run_id, FINISHED)


def test_evaluations_go_to_the_run_that_trained_the_module(recorded: Any) -> None:
    module = Regression()
    made = fit(module)
    results = made.test(module, loader(), verbose=False)
    made.validate(module, loader(), verbose=False)
    trainer().predict(module, loader())
    run = recorded.only
    assert run.last("test_loss") == results[0]["test_loss"]
    assert run.status == FINISHED
    assert {"test_seconds", "validate_seconds", "predict_seconds"} < set(run.metrics)
    assert [data.context for data in run.datasets][2:] == ["test", "validation", "predict"]


def test_evaluations_of_unknown_modules_are_runs_of_their_own(recorded: Any) -> None:
    trainer().test(Regression(), loader(), verbose=False)
    trainer().predict(Regression(), loader())
    assert [run.name for run in recorded.roots] == ["Regression.test", "Regression.predict"]
    assert "test_loss" in recorded.roots[0].metrics
    assert recorded.roots[0].params["hidden"] == 8


def test_an_evaluation_in_a_run_of_the_users_stays_there(recorded: Any) -> None:
    module = Regression()
    with autotrack.start_run("study"):
        fit(Regression())
        fit(module)
        trainer().test(module, loader(), verbose=False)
    with autotrack.start_run("later"):
        trainer().test(module, loader(), verbose=False)
    study, later = recorded.roots
    (child,) = recorded.children(study)
    assert "test_loss" not in study.metrics
    assert "test_loss" in child.metrics
    assert "test_loss" in later.metrics


def test_a_failed_fit_keeps_what_it_logged(recorded: Any) -> None:
    class Broken(Regression):
        def on_train_epoch_start(self) -> None:
            if self.current_epoch == 1:
                raise ValueError("epoch 1 is broken")

    with pytest.raises(ValueError, match="epoch 1 is broken"):
        fit(Broken())
    run = recorded.only
    assert run.status == FAILED
    assert "epoch 1 is broken" in run.error
    assert len(run.metrics["loss_step"]) == 4


def test_an_interrupted_fit_is_recorded_as_such(recorded: Any) -> None:
    class Interrupted(Regression):
        def on_train_epoch_end(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises((SystemExit, KeyboardInterrupt)):
        fit(Interrupted())
    run = recorded.only
    assert run.status == INTERRUPTED
    assert len(run.metrics["loss_step"]) == 4


def test_trials_of_a_tuner_are_no_training(recorded: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Tuner(trainer()).lr_find(_Tunable(), loader(), num_training=5)
        fit(_Tunable(), callbacks=[LearningRateFinder(num_training_steps=5)])
    run = recorded.only
    assert len(run.metrics["loss_step"]) == 8


def test_trials_of_a_tuner_are_no_evaluation(recorded: Any) -> None:
    module = _Tunable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Tuner(trainer()).scale_batch_size(module, method="validate", max_trials=1)
        trainer().validate(module, verbose=False)
    assert recorded.only.name == "_Tunable.validate"


class _Tunable(Regression):
    def __init__(self) -> None:
        super().__init__()
        self.lr = 0.1
        self.batch_size = 2

    def val_dataloader(self) -> Any:
        return loader()

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=self.lr)


@pytest.mark.parametrize(
    "options", [{"max_epochs": 0}, {"limit_train_batches": 0}, {"fast_dev_run": True}, {"barebones": True}], ids=str
)
def test_fits_that_hardly_train_are_runs_too(recorded: Any, options: dict[str, Any]) -> None:
    if "barebones" in options:
        options = {**options, "log_every_n_steps": None, "logger": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit(**options)
    assert recorded.only.status == FINISHED


@pytest.mark.filterwarnings("ignore")  # of torch, while it compiles
def test_compiled_modules_are_recorded_as_what_they_are(recorded: Any) -> None:
    class Plain(Regression):
        def training_step(self, batch: Any, index: int) -> Any:
            return self.loss(batch)  # torch 2.13 cannot trace `self.log`

    fit(torch.compile(Plain(), backend="eager"), limit_val_batches=0)
    assert recorded.only.name == "Plain"
    assert recorded.only.params["hidden"] == 8


def test_a_run_is_whole_when_the_process_ends_with_the_fit(recorded: Any) -> None:
    fit()
    close_recorder()
    assert recorded.only.status == FINISHED
