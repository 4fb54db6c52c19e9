"""Transform and train: a small network in a LightningModule, ended early by the validation rows."""

from pathlib import Path

import autotrack
import lightning
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import EarlyStopping
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from data import TARGET, features


class Network(lightning.LightningModule):
    """One hidden layer. It scales its inputs itself, by what it has seen in training."""

    def __init__(self, inputs: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", inputs.mean(0))
        self.register_buffer("scale", inputs.std(0))
        self.layers = nn.Sequential(nn.Linear(inputs.shape[1], 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the logit of each row."""
        return self.layers((inputs - self.mean) / self.scale).squeeze(1)

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        """Return the loss of a batch."""
        return self._loss("train_loss", batch)

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> None:
        """Log the loss of the validation rows."""
        self._loss("val_loss", batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return what changes the weights."""
        return torch.optim.Adam(self.parameters(), lr=0.01)

    def _loss(self, name: str, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        inputs, targets = batch
        loss = nn.functional.binary_cross_entropy_with_logits(self(inputs), targets)
        self.log(name, loss)
        return loss


def train(train: pd.DataFrame, validation: pd.DataFrame, seed: int) -> Network:
    """Fit on the training rows until the validation rows get no better."""
    lightning.seed_everything(seed, verbose=False)
    rows, held_out = _tensors(train), _tensors(validation)
    model = Network(rows[0])
    trainer = lightning.Trainer(
        max_epochs=40,
        accelerator="cpu",
        callbacks=[EarlyStopping("val_loss", patience=5)],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=5,
        logger=False,
    )
    trainer.fit(
        model,
        DataLoader(TensorDataset(*rows), batch_size=32, shuffle=True),
        DataLoader(TensorDataset(*held_out), batch_size=len(validation)),
    )
    return model


def predict_probability(model: Network, rows: pd.DataFrame) -> np.ndarray:
    """Return the probability of the class 1, of shape (rows,)."""
    model.eval()
    with torch.no_grad():
        return torch.sigmoid(model(torch.tensor(rows.to_numpy(), dtype=torch.float32))).numpy()


def _tensors(frame: pd.DataFrame) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.tensor(features(frame).to_numpy(), dtype=torch.float32)
    return inputs, torch.tensor(frame[TARGET].to_numpy(), dtype=torch.float32)


class Classifier:
    """What the registry keeps: it predicts classes for a table."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def predict(self, model_input: pd.DataFrame) -> np.ndarray:
        """Return the class of each row."""
        return (predict_probability(self.network, features(model_input)) >= 0.5).astype(int)


def log(model: Network, example: pd.DataFrame) -> str:
    """Keep the model with the active run, with the code that it needs; return its URI."""
    model.trainer = None  # with its data and loops it is no part of the model
    code = [Path(__file__), Path(__file__).with_name("data.py")]
    return autotrack.models.log(
        Classifier(model), "classifier", inputs=example, input_example=example.head(), code=code
    )
