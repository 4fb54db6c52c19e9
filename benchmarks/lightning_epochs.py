"""What tracking adds to the epochs of a small network in Lightning: autotrack beside its peers, in one process.

    python benchmarks/lightning_epochs.py [--rounds 5] [--epochs 20] [--every 50]

A network of two layers on 4,000 rows, 63 batches an epoch, one fit of each tracker in turn, so that a machine that
slows down slows all of them down; a first fit of each, which imports and connects, is left out. Each fit is set against
the bare one of its round. "epoch" is the best epoch of a fit, "fit/epochs" what an epoch takes in all, with what comes
before and after, the saving of the model too; "thread" is the time of the training thread alone. Printed is what a
tracker adds, in milliseconds and as a share of bare training, which has no logger. autotrack and MLflow save the model
and the checkpoint; the loggers of Lightning do not.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger, WandbLogger
from torch.utils.data import DataLoader, TensorDataset

TRACKERS = ("bare", "autotrack", "CSVLogger", "TensorBoardLogger", "W&B offline", "MLflow autolog")


def main() -> None:
    """Run all trackers in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--every", type=int, default=50, help="log_every_n_steps of the trainer")
    options = parser.parse_args()
    os.environ["AUTOTRACK_TESTING"] = "0"
    warnings.filterwarnings("ignore")
    for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning.utilities.rank_zero", "mlflow"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    torch.set_num_threads(1)
    fits: dict[str, list[Watch]] = {tracker: [] for tracker in TRACKERS}
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        for number in range(options.rounds + 1):
            for tracker in TRACKERS:
                watch = measure(tracker, options)
                if number:
                    fits[tracker].append(watch)
        os.chdir("/")
    print_table(fits, options.epochs)


class Watch(lightning.Callback):
    """Takes the time of each epoch, from the start of one to the start of the next."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, float]] = []
        self.seconds = self.thread_seconds = 0.0

    def on_train_epoch_start(self, *args: Any) -> None:  # noqa: ARG002
        """Take a mark."""
        self.marks.append((time.perf_counter(), time.thread_time()))

    def epochs(self, clock: int) -> list[float]:
        """Return how long each epoch but the last took."""
        return [later[clock] - mark[clock] for mark, later in zip(self.marks, self.marks[1:], strict=False)]


class Network(lightning.LightningModule):
    """Two layers that log a loss in each step and epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(20, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))

    def training_step(self, batch: Any, index: int) -> Any:  # noqa: ARG002
        """Return the loss of a batch."""
        loss = torch.nn.functional.mse_loss(self.net(batch[0]), batch[1])
        self.log("loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:  # noqa: ARG002
        """Log the loss of a batch."""
        self.log("val_loss", torch.nn.functional.mse_loss(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=0.01)


def measure(tracker: str, options: argparse.Namespace) -> Watch:
    """Fit once with a tracker."""
    lightning.seed_everything(0, verbose=False)
    inputs = torch.randn(4000, 20)
    data = TensorDataset(inputs, inputs[:, :1])
    train, held_out = DataLoader(data, 64, shuffle=True), DataLoader(TensorDataset(*data[:640]), 64)
    watch = Watch()
    with tracking(tracker) as logger:
        trainer = lightning.Trainer(
            max_epochs=options.epochs,
            log_every_n_steps=options.every,
            logger=logger,
            callbacks=[watch],
            accelerator="cpu",
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        started, thread_started = time.perf_counter(), time.thread_time()
        trainer.fit(Network(), train, held_out)
        watch.seconds, watch.thread_seconds = time.perf_counter() - started, time.thread_time() - thread_started
    return watch


@contextmanager
def tracking(tracker: str) -> Iterator[Any]:
    """Switch a tracker on for a fit; give what goes into `Trainer(logger=...)`."""
    if tracker == "autotrack":
        import autotrack

        autotrack.enable()
        yield False
        autotrack.disable()
    elif tracker == "MLflow autolog":
        os.environ["MLFLOW_TRACKING_URI"] = "sqlite:///mlflow.db"
        import mlflow

        mlflow.pytorch.autolog(silent=True)
        yield False
        mlflow.pytorch.autolog(disable=True, silent=True)
    elif tracker == "W&B offline":
        import wandb

        yield WandbLogger(save_dir=".", offline=True, settings=wandb.Settings(silent=True))
        wandb.finish()
    else:
        loggers = {"CSVLogger": CSVLogger, "TensorBoardLogger": TensorBoardLogger}
        yield loggers[tracker](".") if tracker in loggers else False


def print_table(fits: dict[str, list[Watch]], epochs: int) -> None:
    """Print milliseconds an epoch, and how much more than bare training they are."""
    columns = {
        "epoch": lambda watch: min(watch.epochs(0)),
        "thread": lambda watch: min(watch.epochs(1)),
        "fit/epochs": lambda watch: watch.seconds / epochs,
        "thread fit/epochs": lambda watch: watch.thread_seconds / epochs,
    }
    print(f"{'ms an epoch':20}" + "".join(f"{name:>24}" for name in columns))
    bare = fits["bare"]
    whole = [statistics.median(map(value, bare)) for value in columns.values()]
    print(f"{'bare':20}" + "".join(f"{seconds * 1e3:24.2f}" for seconds in whole))
    for tracker in TRACKERS[1:]:
        cells = []
        for value in columns.values():
            pairs = list(zip(fits[tracker], bare, strict=True))  # each fit beside the bare one of its own round
            added = statistics.median(value(watch) - value(other) for watch, other in pairs)
            share = statistics.median(value(watch) / value(other) - 1 for watch, other in pairs)
            cells.append(f"{added * 1e3:+12.2f} ({share:+8.1%})")
        print(f"{tracker:20}" + "".join(f"{cell:>24}" for cell in cells))


if __name__ == "__main__":
    main()
