"""A small module, loaders and trainers for the tests of Lightning."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset


class Regression(lightning.LightningModule):
    """A network with dropout that logs a loss in every way there is, and hyperparameters."""

    def __init__(self, hidden: int = 8, optimizer: dict[str, float] | None = None, scheduled: str = "epoch") -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(4, hidden), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(hidden, 1)
        )
        self.scheduled = scheduled
        self.losses: list[float] = []

    def loss(self, batch: Any) -> torch.Tensor:
        return torch.nn.functional.mse_loss(self.net(batch[0]).squeeze(1), batch[1])

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        loss = self.loss(batch)
        self.losses.append(loss.item())
        self.log("loss", loss, on_step=True, on_epoch=True)
        self.log("seen", float(index))
        return loss

    def on_train_epoch_end(self) -> None:
        self.log("late", float(self.current_epoch))

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", self.loss(batch), on_step=True, on_epoch=True)

    def test_step(self, batch: Any, index: int) -> None:
        self.log("test_loss", self.loss(batch))

    def predict_step(self, batch: Any, index: int) -> torch.Tensor:
        return self.net(batch[0])

    def configure_optimizers(self) -> Any:
        groups = [{"params": self.net[0].parameters(), "lr": 0.05}, {"params": self.net[3].parameters()}]
        optimizer = torch.optim.Adam(groups, lr=0.1, weight_decay=1e-4)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": self.scheduled}}


def loader(batch_size: int = 16, *, shuffle: bool = False) -> DataLoader[Any]:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(64, 4, generator=generator)
    return DataLoader(TensorDataset(inputs, inputs[:, 0]), batch_size, shuffle=shuffle)


def trainer(**options: Any) -> lightning.Trainer:
    """Return a trainer that keeps quiet and writes nothing, but for what `options` ask for."""
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    callbacks = options.get("callbacks", [])
    checkpoints = any(isinstance(callback, lightning.pytorch.callbacks.Checkpoint) for callback in callbacks)
    defaults = {"max_epochs": 2, "logger": False, "enable_checkpointing": checkpoints, "log_every_n_steps": 1}
    return lightning.Trainer(**{**quiet, **defaults, **options})


def fit(module: lightning.LightningModule | None = None, **options: Any) -> lightning.Trainer:
    made = trainer(**options)
    made.fit(Regression() if module is None else module, loader(), loader(32))
    return made


def points_of(logger: CSVLogger) -> dict[str, list[tuple[int, float]]]:
    """Return the points of each key that a CSVLogger has written."""
    points: dict[str, list[tuple[int, float]]] = {}
    with open(Path(logger.log_dir) / "metrics.csv", newline="") as file:
        for row in csv.DictReader(file):
            for key, text in row.items():
                if key != "step" and text:
                    points.setdefault(key, []).append((int(row["step"]), float(text)))
    return points
