"""What every integration must do, for plain PyTorch loops: a loop is no call, so where it ends is said here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import nn

import autotrack
from autotrack.contracts.integration import caught, chain, frames, tracked
from autotrack.testing import IntegrationContract, MemoryBackend, MemoryRun


class TestTorch(IntegrationContract):
    name = "torch"
    module = "torch"

    def train(self) -> Any:
        generator = torch.Generator().manual_seed(0)
        X, y = torch.randn(32, 4, generator=generator), torch.randint(0, 3, (32,), generator=generator)
        model = nn.Linear(4, 3)
        with torch.no_grad():
            model.weight.fill_(0.1)
            model.bias.zero_()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(model(X), y).backward()
            optimizer.step()
        with torch.no_grad():
            F.cross_entropy(model(X), y)
        return model

    def train_badly(self) -> Any:
        model = self.train()
        model(torch.ones(2, 4)).sum().backward(inputs=[torch.ones(1)])

    def outcome(self, trained: Any) -> bytes:
        return b"".join(own.detach().numpy().tobytes() for own in trained.parameters())

    def functions(self) -> Sequence[tuple[Any, str]]:
        losses = [(F, name) for name in ("cross_entropy", "binary_cross_entropy_with_logits", "mse_loss")]
        return [(torch.autograd, "backward"), (torch.optim.Optimizer, "__init__"), (torch, "save"), *losses]

    def recorded(self, memory: MemoryBackend) -> MemoryRun:
        autotrack.end_run()
        return super().recorded(memory)

    def test_errors_of_the_library_are_the_users(self) -> None:
        """A loop does not see what goes wrong in it; the end of the process does, see `test_torch_programs`."""
        bare = caught(self.train_badly)
        with tracked(self.name) as memory:
            error = caught(self.train_badly)
            assert self.recorded(memory).metrics["loss"]
        assert (type(error), str(error), chain(error)) == (type(bare), str(bare), chain(bare))
        ours = [frame.name for frame in frames(error) if frame.name.startswith("autotrack_")]
        assert ours == ["autotrack_backward"]
        assert len(frames(error)) - len(frames(bare)) == len(ours)
