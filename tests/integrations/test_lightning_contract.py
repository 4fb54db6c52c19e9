"""What every integration must do, of both packages that Lightning comes in."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import lightning
import pytorch_lightning
import torch
from torch.utils.data import DataLoader, TensorDataset

from autotrack.testing import IntegrationContract

X = torch.linspace(-1, 1, 48).reshape(24, 2)


class LightningContract(IntegrationContract):
    """The contract for a package whose trainer is `package.Trainer`."""

    package: Any

    def network(self, *, broken: bool = False) -> Any:
        class Small(self.package.LightningModule):  # type: ignore[name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.layer = torch.nn.Linear(2, 1)
                with torch.no_grad():
                    self.layer.weight.fill_(0.1)
                    self.layer.bias.zero_()

            def training_step(self, batch: Any, index: int) -> Any:
                if broken:
                    raise ValueError("the step is broken")
                loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
                self.log("loss", loss)
                return loss

            def configure_optimizers(self) -> Any:
                return torch.optim.SGD(self.parameters(), lr=0.1)

        return Small()

    def fit(self, network: Any) -> Any:
        trainer = self.package.Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=1,
        )
        trainer.fit(network, DataLoader(TensorDataset(X, X[:, :1]), batch_size=8))
        return network

    def train(self) -> Any:
        return self.fit(self.network())

    def train_badly(self) -> Any:
        return self.fit(self.network(broken=True))

    def outcome(self, trained: Any) -> bytes:
        buffer = io.BytesIO()
        torch.save(trained.state_dict(), buffer)
        return buffer.getvalue()

    def functions(self) -> Sequence[tuple[Any, str]]:
        return [(self.package.Trainer, name) for name in ("fit", "validate", "test", "predict")]


class TestLightning(LightningContract):
    name = module = "lightning"
    package = lightning


class TestPytorchLightning(LightningContract):
    name = module = "pytorch_lightning"
    package = pytorch_lightning
