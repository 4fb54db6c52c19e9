"""What is recorded of Lightning's trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import pytest
import pytorch_lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning_models import Regression, fit, loader, points_of, trainer

import autotrack
from autotrack.integrations.lightning.metrics import HELD, MetricRows
from autotrack.records import FINISHED


def test_a_fit_is_recorded_as_a_whole(recorded: Any) -> None:
    module = Regression(optimizer={"beta": 0.9})
    fit(module, gradient_clip_val=0.5)
    run = recorded.only
    assert (run.name, run.source, run.status) == ("Regression", "lightning", FINISHED)
    assert [value for _, value in run.metrics["loss_step"]] == module.losses
    assert [step for step, _ in run.metrics["loss_epoch"]] == [3, 7]
    assert run.params["hidden"] == 8
    assert run.params["optimizer/beta"] == 0.9
    assert (run.params["batch_size"], run.params["val_batch_size"]) == (16, 32)
    assert (run.params["epochs"], run.params["gradient_clip_val"], run.params["precision"]) == (2, 0.5, "32-true")
    assert (run.params["strategy"], run.params["devices"]) == ("single_device", 1)
    assert (run.params["optimizer_name"], run.params["lr/pg1"], run.params["lr/pg2"]) == ("Adam", 0.05, 0.1)
    assert run.params["weight_decay"] == 1e-4
    assert (run.params["lr_scheduler_name"], run.params["lr_scheduler_gamma"]) == ("StepLR", 0.5)
    assert run.params["total_parameters"] == 49
    assert None not in run.params.values()
    assert [(data.name, data.profile["num_rows"]) for data in run.datasets] == [("train", 64), ("validation", 64)]
    assert {"model_summary.txt", "model.safetensors", "model/MLmodel"} < set(run.artifacts)
    assert [model.flavors for model in run.models] == [["python_function", "pytorch"]]
    assert [note for note in run.notes if note.level != "info"] == []


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"log_every_n_steps": 3},
        {"accumulate_grad_batches": 3},
        {"val_check_interval": 2},
        {"max_steps": 5, "max_epochs": -1},
        {"check_val_every_n_epoch": 2, "max_epochs": 3},
        {"num_sanity_val_steps": 0, "limit_train_batches": 3},
    ],
    ids=str,
)
def test_points_are_those_of_lightnings_own_loggers(recorded: Any, options: dict[str, Any]) -> None:
    logger = CSVLogger(".")
    fit(logger=logger, **options)
    run = recorded.only
    expected = points_of(logger)
    epochs = expected.pop("epoch")
    assert {key: run.metrics[key] for key in expected} == expected
    assert run.metrics["epoch"] == list(dict(epochs).items())


@pytest.mark.parametrize("options", [{}, {"logger": True}], ids=str)
def test_metrics_do_not_depend_on_a_logger(recorded: Any, options: dict[str, Any]) -> None:
    fit(**options)
    keys = {
        "loss_step",
        "loss_epoch",
        "seen",
        "late",
        "val_loss_step",
        "val_loss_epoch",
        "lr-Adam/pg1",
        "epoch_seconds",
    }
    assert keys < set(recorded.only.metrics)


@pytest.mark.parametrize("scheduled", ["step", "epoch"])
def test_learning_rates_are_those_of_the_monitor(recorded: Any, scheduled: str) -> None:
    logger = CSVLogger(".")
    fit(Regression(scheduled=scheduled), logger=logger, callbacks=[LearningRateMonitor("step")])
    run = recorded.only
    expected = points_of(logger)
    for group in ("lr-Adam/pg1", "lr-Adam/pg2"):
        found, rates = dict(run.metrics[group]), dict(expected[group])
        found.pop(8, None)  # of the step that would come next
        assert found.items() <= rates.items()
        moved = {step: rate for step, rate in rates.items() if rate != rates.get(step - 1)}
        assert moved.items() <= found.items()


@pytest.mark.parametrize("package", [lightning.pytorch, pytorch_lightning])
def test_callbacks_of_either_package_are_recorded(recorded: Any, package: Any, tmp_path: Path) -> None:
    stopping = package.callbacks.EarlyStopping("val_loss_epoch", min_delta=10.0, patience=1)
    checkpoint = package.callbacks.ModelCheckpoint(tmp_path / "best", monitor="val_loss_epoch", save_top_k=2)
    if package is pytorch_lightning:
        module_class = type("Network", (pytorch_lightning.LightningModule,), dict(vars(Regression)))
        module_class.__init__ = _init_of_pytorch_lightning
        made = package.Trainer(
            max_epochs=9,
            callbacks=[stopping, checkpoint],
            accelerator="cpu",
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        made.fit(module_class(), loader(), loader(32))
    else:
        fit(callbacks=[stopping, checkpoint], max_epochs=9)
    run = recorded.only
    assert run.source == package.__name__.partition(".")[0]
    assert (run.params["monitor"], run.params["patience"], run.params["min_delta"]) == ("val_loss_epoch", 1, 10.0)
    assert (run.params["checkpoint_save_top_k"], run.params["checkpoint_monitor"]) == (2, "val_loss_epoch")
    assert (run.last("stopped_epoch"), run.last("restored_epoch"), run.last("wait_count")) == (1, 0, 1)
    assert run.last("best_model_score") == checkpoint.best_model_score.item()
    kept = autotrack.recording.current_recorder().home.run_artifacts(run.id) / "checkpoints"
    (best,) = kept.iterdir()
    assert best.read_bytes() == Path(checkpoint.best_model_path).read_bytes()


def _init_of_pytorch_lightning(self: Any) -> None:
    pytorch_lightning.LightningModule.__init__(self)
    self.net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(8, 1))
    self.scheduled, self.losses = "epoch", []


def test_a_checkpoint_that_is_deleted_at_once_is_kept(recorded: Any, tmp_path: Path) -> None:
    made = fit(callbacks=[ModelCheckpoint(tmp_path / "best", monitor="val_loss_epoch")])
    path = Path(made.checkpoint_callback.best_model_path)
    size = path.stat().st_size
    path.unlink()
    assert recorded.only.artifacts[f"checkpoints/{path.name}"] == size


def test_what_was_not_to_be_logged_is_not(recorded: Any) -> None:
    class Silent(Regression):
        def __init__(self) -> None:
            super().__init__()
            self.save_hyperparameters(logger=False)

    fit(Silent())
    assert "hidden" not in recorded.only.params


def test_hyperparameters_of_a_datamodule_are_recorded(recorded: Any) -> None:
    class Data(lightning.LightningDataModule):
        def __init__(self, fold: int = 3) -> None:
            super().__init__()
            self.save_hyperparameters()

        def train_dataloader(self) -> Any:
            return loader(8)

        val_dataloader = train_dataloader

    trainer().fit(Regression(), Data())
    trainer().fit(Regression(), datamodule=Data(fold=4))
    assert [run.params["fold"] for run in recorded.roots] == [3, 4]
    assert recorded.roots[0].params["batch_size"] == 8


def test_losses_of_two_optimizers_stay_apart(recorded: Any) -> None:
    class Adversaries(Regression):
        automatic_optimization = False

        def training_step(self, batch: Any, index: int) -> None:
            for name, optimizer in zip(("generator", "critic"), self.optimizers(), strict=True):
                optimizer.zero_grad()
                loss = self.loss(batch)
                self.manual_backward(loss)
                optimizer.step()
                self.log(f"{name}_loss", loss)

        def configure_optimizers(self) -> Any:
            adam = torch.optim.Adam(self.net[0].parameters(), lr=0.01)
            return [adam, torch.optim.SGD(self.net[3].parameters(), lr=0.2)]

    fit(Adversaries())
    run = recorded.only
    assert (run.params["optimizer_name"], run.params["optimizer_2/optimizer_name"]) == ("Adam", "SGD")
    assert (run.params["lr"], run.params["optimizer_2/lr"]) == (0.01, 0.2)
    assert len(run.metrics["generator_loss"]) == len(run.metrics["critic_loss"]) == 8
    assert {"lr-Adam", "lr-SGD"} < set(run.metrics)


class _OnDevice:
    """A value on a device that counts how often it is waited for."""

    waits = 0
    device = torch.device("meta")

    def item(self) -> float:
        type(self).waits += 1
        return 1.0


def test_values_on_a_device_are_fetched_in_groups(recorded: Any) -> None:
    with autotrack.start_run() as run:
        rows = MetricRows(run)
        for step in range(HELD - 1):
            rows.log({"loss": _OnDevice()}, step)
        assert _OnDevice.waits == 0
        rows.log({"loss": 0.5}, HELD)
        assert _OnDevice.waits == HELD - 1
    assert [step for step, _ in recorded.only.metrics["loss"]] == [*range(HELD - 1), HELD]


def test_early_stopping_of_a_subclass_counts(recorded: Any) -> None:
    class Patient(EarlyStopping):
        pass

    fit(callbacks=[Patient("val_loss_epoch", patience=7)])
    assert recorded.only.params["patience"] == 7
