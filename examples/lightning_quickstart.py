"""Train with PyTorch Lightning as always; one line records it all.

Run it with `python examples/lightning_quickstart.py`, then look around with `autotrack ls` and `autotrack show @last`.
"""

import logging
import tempfile
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

import autotrack

autotrack.enable(experiment="digits")
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


class Digits(lightning.LightningModule):
    """A small network for pictures of digits."""

    def __init__(self, hidden: int = 32, lr: float = 0.01) -> None:  # noqa: ARG002 - kept as `self.hparams.lr`
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Sequential(torch.nn.Linear(64, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10))

    def training_step(self, batch: Any) -> torch.Tensor:
        """Return the loss of a batch."""
        loss = torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])
        self.log("loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any) -> None:
        """Log loss and accuracy of a batch."""
        scores = self.net(batch[0])
        self.log("val_loss", torch.nn.functional.cross_entropy(scores, batch[1]))
        self.log("val_accuracy", (scores.argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self) -> Any:
        """Return Adam with a learning rate that falls in each epoch."""
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
        return [optimizer], [torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)]


lightning.seed_everything(0, verbose=False)
X, y = load_digits(return_X_y=True)
data = TensorDataset(torch.tensor(X, dtype=torch.float32) / 16, torch.tensor(y))
train, held_out = random_split(data, [0.8, 0.2])
with tempfile.TemporaryDirectory() as directory:
    trainer = lightning.Trainer(
        max_epochs=10,
        accelerator="cpu",
        logger=False,
        callbacks=[EarlyStopping("val_loss"), ModelCheckpoint(directory, monitor="val_loss")],
        log_every_n_steps=10,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Digits(), DataLoader(train, 64, shuffle=True), DataLoader(held_out, 128))

for run in autotrack.search_runs(experiment="digits"):
    shown = {
        key: round(run.metrics[key], 3)
        for key in ("loss_epoch", "val_accuracy", "lr-Adam", "best_model_score")
        if key in run.metrics
    }
    print(run.name, run.status, f"{len(run.params)} params", shown)
