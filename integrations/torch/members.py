"""What a loop knows of one of its optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from autotrack.integrations.torch.optimizers import group_name

if TYPE_CHECKING:
    from torch.optim import Optimizer

LEARNING_RATE = "learning_rate"


class Member:
    """An optimizer in a loop.

    Args:
        label: What to call it where there are several.
        several: Whether there are several, so that its metrics carry its label.

    Attributes:
        steps: How many it has made.
    """

    __slots__ = ("_rates", "label", "several", "steps")

    def __init__(self, label: str, *, several: bool) -> None:
        self.label = label
        self.several = several
        self.steps = 0
        self._rates: list[Any] = []

    def key(self, name: str) -> str:
        """Return the name of a metric of this optimizer."""
        return f"{name}_{self.label}" if self.several else name

    def changed_rates(self, optimizer: Optimizer) -> dict[str, Any]:
        """Return the learning rate of every group, if one of them is not what it was at the last step."""
        groups = optimizer.param_groups
        if len(groups) == 1 and self._rates and type(self._rates[0]) is float and groups[0]["lr"] is self._rates[0]:
            return {}
        rates = [group["lr"] for group in groups] if "lr" in groups[0] else []
        if not any(isinstance(rate, torch.Tensor) for rate in rates) and rates == self._rates:
            return {}
        self._rates = rates
        key = self.key(LEARNING_RATE)
        if len(groups) == 1:
            return {key: rates[0]} if rates else {}
        return {f"{key}/{group_name(groups[place], place)}": rate for place, rate in enumerate(rates)}
