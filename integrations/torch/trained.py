"""What a loop trains: its optimizers and the modules they belong to."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from autotrack import names
from autotrack.integrations.torch.keeping import Kept
from autotrack.integrations.torch.members import Member
from autotrack.integrations.torch.modules import owners_of
from autotrack.integrations.torch.optimizers import describe, now, parameters_of
from autotrack.integrations.torch.session import session
from autotrack.run import Run

if TYPE_CHECKING:
    from torch.optim import Optimizer


class Trained:
    """The optimizers of a loop and their modules.

    Args:
        run: The run of the loop.

    Attributes:
        kept: The modules.
        several: Whether there are several optimizers, whose losses need names to be told apart.
    """

    def __init__(self, run: Run) -> None:
        self.kept: list[Kept] = []
        self.several = False
        self._run = run
        self._began = now()
        self._members: weakref.WeakKeyDictionary[Optimizer, Member] = weakref.WeakKeyDictionary()
        self._latest: tuple[Callable[[], Optimizer | None], Member | None] = (lambda: None, None)
        self._joined = 0

    def find(self, optimizer: Optimizer) -> Member | None:
        """Return what is known of an optimizer, None where it is none of this loop."""
        if self._latest[0]() is not optimizer:
            member = self._members.get(optimizer)
            if member is None:
                return None
            self._latest = (weakref.ref(optimizer), member)
        return self._latest[1]

    def has(self, module: torch.nn.Module) -> bool:
        """Say whether a module is trained here."""
        return any(kept.module is module for kept in self.kept)

    def belongs(self, optimizer: Optimizer, place: int) -> bool:
        """Say whether an optimizer that steps for the first time is part of this loop.

        It is if it was made before the loop began, as in a GAN, or if it goes on with what the loop trains.

        Args:
            optimizer: The optimizer.
            place: When it was made.
        """
        if place < self._began or not self._joined:
            return True
        trained = {id(own) for other in self._members for own in parameters_of(other)}
        modules = {id(kept.module) for kept in self.kept}
        own = parameters_of(optimizer)
        return any(id(each) in trained for each in own) or any(id(module) in modules for module in owners_of(own))

    def join(self, optimizer: Optimizer, waiting: int) -> Member:
        """Take an optimizer in, and record what it is set to.

        Args:
            optimizer: The optimizer.
            waiting: How many other optimizers made before it have not stepped yet.
        """
        self.several = self.several or waiting > 0 or self._joined > 0
        self._joined += 1
        number, parameters = self._joined, parameters_of(optimizer)
        modules = owners_of(parameters)
        member = Member(self._label(modules), several=self.several)
        self._members[optimizer] = member
        self._latest = (weakref.ref(optimizer), member)
        prefix = "" if number == 1 else f"optimizer_{number}/"
        known = describe(optimizer, prefix)
        if session().loss_function is not None and number == 1:
            known["loss_function"] = session().loss_function
        self._run.log_params({**known, f"{prefix}n_trained": sum(map(torch.numel, parameters))})
        for module in modules:
            self._keep(module)
        return member

    def _label(self, modules: list[torch.nn.Module]) -> str:
        """Return what to call the optimizer that joins, of these modules."""
        label = type(modules[0]).__name__ if len(modules) == 1 else f"optimizer_{self._joined}"
        taken = {member.label for member in self._members.values()}
        return label if label not in taken else f"{label}_{self._joined}"

    def _keep(self, module: torch.nn.Module) -> None:
        if self.has(module):
            return
        number = len(self.kept)
        suffix = "" if number == 0 else f"_{number + 1}"
        self.kept.append(Kept(self._run, module, f"{names.MODEL}{suffix}"))
        total = sum(own.numel() for own in module.parameters())
        self._run.log_params({f"model{suffix}": type(module).__name__, f"n_parameters{suffix}": total})
        self._run.log_text(f"{module}\n\n{total:,} parameters\n", f"model_summary{suffix}.txt")
