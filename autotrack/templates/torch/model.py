"""Transform and train: a small network and a loop of its own, ended early by the validation rows."""

import copy
from pathlib import Path

import autotrack
import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from data import TARGET, features

EPOCHS = 40
PATIENCE = 5


class Network(nn.Module):
    """One hidden layer. It scales its inputs itself, by what it has seen in training."""

    def __init__(self, inputs: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", inputs.mean(0))
        self.register_buffer("scale", inputs.std(0))
        self.layers = nn.Sequential(nn.Linear(inputs.shape[1], 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the logit of each row."""
        return self.layers((inputs - self.mean) / self.scale).squeeze(1)


def train(train: pd.DataFrame, validation: pd.DataFrame, seed: int) -> Network:
    """Fit on the training rows until the validation rows get no better."""
    torch.manual_seed(seed)
    rows, held_out = _tensors(train), _tensors(validation)
    model, loss_of = Network(rows[0]), nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    best, best_loss, worse = copy.deepcopy(model.state_dict()), float("inf"), 0
    for epoch in range(EPOCHS):
        model.train()
        for inputs, targets in DataLoader(TensorDataset(*rows), batch_size=32, shuffle=True):
            optimizer.zero_grad()
            loss_of(model(inputs), targets).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            loss = loss_of(model(held_out[0]), held_out[1]).item()
        autotrack.log_metric("val_loss", loss, step=epoch)
        worse = 0 if loss < best_loss else worse + 1
        if worse == 0:
            best, best_loss = copy.deepcopy(model.state_dict()), loss
        elif worse == PATIENCE:
            break
    model.load_state_dict(best)
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
    code = [Path(__file__), Path(__file__).with_name("data.py")]
    return autotrack.models.log(
        Classifier(model), "classifier", inputs=example, input_example=example.head(), code=code
    )
