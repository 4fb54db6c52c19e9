"""PyTorch Lightning: training with validation, early stopping and checkpoints, test, predictions; each row counted."""

from __future__ import annotations

import tempfile
import warnings
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore", message=".*num_workers.*|.*smaller than the logging interval.*|.*treespec.*")
lightning.seed_everything(3, verbose=False)
X = torch.randn(96, 4)
y = (X[:, 0] > 0).long()
asked: list[int] = []


class Rows(TensorDataset):
    """Rows that count how often they were asked for."""

    def __getitem__(self, index: int) -> Any:
        asked.append(int(index))
        return super().__getitem__(index)


class Net(lightning.LightningModule):
    """Two layers."""

    def __init__(self, hidden: int = 8) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(4, hidden), torch.nn.Dropout(0.2), torch.nn.ReLU(), torch.nn.Linear(hidden, 2)
        )

    def training_step(self, batch: Any, index: int) -> Any:
        loss = torch.nn.functional.cross_entropy(self.layers(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", torch.nn.functional.cross_entropy(self.layers(batch[0]), batch[1]))

    def test_step(self, batch: Any, index: int) -> None:
        self.log("test_accuracy", (self.layers(batch[0]).argmax(1) == batch[1]).float().mean())

    def predict_step(self, batch: Any, index: int) -> Any:
        return self.layers(batch[0])

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=0.01)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]


folder = tempfile.mkdtemp()
model = Net()
trainer = lightning.Trainer(
    max_epochs=3,
    accelerator="cpu",
    default_root_dir=folder,
    logger=CSVLogger(folder),
    callbacks=[EarlyStopping("val_loss", patience=2), ModelCheckpoint(monitor="val_loss")],
    enable_progress_bar=False,
    enable_model_summary=False,
    log_every_n_steps=1,
)
trainer.fit(model, DataLoader(Rows(X, y), 32, shuffle=True), DataLoader(Rows(X, y), 48))
fitted = {name: value.numpy().copy() for name, value in model.state_dict().items()}
metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
tested = trainer.test(model, DataLoader(Rows(X, y), 48), verbose=False)
predicted = torch.cat(trainer.predict(model, DataLoader(Rows(X, y), 48))).numpy()
callbacks = [type(callback).__name__ for callback in trainer.callbacks]
drawn = float(torch.rand(()))
del model, trainer, X, y
