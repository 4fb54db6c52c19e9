"""Datasets, optimizers and schedulers of the user's own making, as torch and Lightning allow them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from lightning_models import Regression, fit, loader, trainer
from torch.utils.data import DataLoader, IterableDataset


class Stream(IterableDataset[Any]):
    """Samples that nobody has counted."""

    def __iter__(self) -> Iterator[Any]:
        yield from loader().dataset

    def __len__(self) -> int:
        raise NotImplementedError


def test_a_dataset_may_refuse_to_tell_its_length(recorded: Any) -> None:
    trainer(limit_train_batches=2, limit_val_batches=1).fit(Regression(), DataLoader(Stream(), 8), loader())
    streamed, counted = recorded.only.datasets
    assert (streamed.profile.get("num_rows"), counted.profile["num_rows"]) == (None, 64)
    assert recorded.only.last("epoch_seconds") > 0


class Halving:
    """A scheduler that is no class of torch's and has no `__dict__`."""

    __slots__ = ("optimizer",)

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer

    def step(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] /= 2

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class Scheduled(Regression):
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        return [optimizer], [Halving(optimizer)]

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        scheduler.step()


def test_any_class_may_schedule(recorded: Any) -> None:
    fit(Scheduled())
    run = recorded.only
    assert (run.params["lr_scheduler_name"], run.params["lr_scheduler_interval"]) == ("Halving", "epoch")
    assert run.metrics["lr-SGD"] == [(0, 0.1), (4, 0.05)]


class Masked(Regression):
    def configure_optimizers(self) -> Any:
        layers = [{"params": layer.parameters(), "mask": torch.ones(3)} for layer in (self.net[0], self.net[3])]
        return torch.optim.SGD(layers, lr=0.1)


def test_tensors_that_an_optimizer_keeps_are_no_settings(recorded: Any) -> None:
    fit(Masked())
    run = recorded.only
    assert (run.params["optimizer_name"], run.params["lr"]) == ("SGD", 0.1)
    assert "mask" not in run.params
