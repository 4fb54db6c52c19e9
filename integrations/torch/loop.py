"""One training loop of the program as one run: from its first optimizer step until another loop begins."""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

import torch

from autotrack import courtesy, names
from autotrack.active import active_run, pop, push
from autotrack.integrations.torch.keeping import Kept
from autotrack.integrations.torch.losses import name_at
from autotrack.integrations.torch.members import Member
from autotrack.integrations.torch.modules import owners_of
from autotrack.integrations.torch.optimizers import describe, now, parameters_of
from autotrack.integrations.torch.session import Site, session
from autotrack.integrations.torch.transfer import Transfer, Values, copy_of
from autotrack.recording import current_recorder
from autotrack.run import Run

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from autotrack.integrations.torch.checkpoints import Checkpoints
    from autotrack.integrations.torch.epochs import Epochs
    from autotrack.integrations.torch.evaluating import Evaluations

EVERY_STEP = 1000
"""Steps whose losses are all recorded; from there on every 10th, from ten times as many every 100th, and so on."""


def is_recorded(step: int, every: int) -> bool:
    """Say whether a step's loss becomes a point of its own.

    Args:
        step: From 0 on.
        every: The setting `log_every_n_steps`; 0 thins out long trainings by itself.
    """
    if every:
        return step % every == 0
    stride = 1
    while step >= EVERY_STEP * stride:
        stride *= 10
    return step % stride == 0


class Loop:
    """A training loop and its run.

    Attributes:
        run: Its run: the user's own where one was active, else a new one.
        transfer: What is on the way from the device.
        epochs: What was seen of its data.
        evaluations: What was computed without gradients.
        kept: The modules it trains.
    """

    def __init__(self) -> None:
        from autotrack.integrations.torch.checkpoints import Checkpoints
        from autotrack.integrations.torch.epochs import Epochs
        from autotrack.integrations.torch.evaluating import Evaluations

        self.run, self._ours = _open_run(self)
        self.transfer = Transfer()
        self.epochs: Epochs = Epochs(self)
        self.evaluations: Evaluations = Evaluations(self)
        self.checkpoints: Checkpoints = Checkpoints(self)
        self.kept: list[Kept] = []
        self._began = now()
        self._members: weakref.WeakKeyDictionary[Optimizer, Member] = weakref.WeakKeyDictionary()
        self._several = False
        self._owners: dict[str, Member] = {}
        self._scales = 0
        self._rates: dict[str, float] = {}
        self._every = current_recorder().settings.log_every_n_steps
        self._norms = current_recorder().settings.log_gradient_norm
        self._cell = notebook_cell()
        self._finished = False
        self.run.before_end(self.finish)
        courtesy.training_begins(self)

    # Optimizers

    def member(self, optimizer: Optimizer) -> Member | None:
        """Return what is known of an optimizer of this loop, None where it is none of it or the loop is over."""
        if self._finished or self.run.status is not None or self._cell != notebook_cell():
            return None
        return self._members.get(optimizer)

    def belongs(self, optimizer: Optimizer, place: int) -> bool:
        """Say whether an optimizer that steps for the first time is part of this loop.

        It is if it was made before the loop began, as in a GAN, or if it goes on with what the loop trains.

        Args:
            optimizer: The optimizer.
            place: When it was made.
        """
        if self._finished or self.run.status is not None or self._cell != notebook_cell():
            return False
        if place < self._began or not self._members:
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
        self._several = self._several or waiting > 0 or bool(self._members)
        parameters = parameters_of(optimizer)
        modules = owners_of(parameters)
        number = len(self._members) + 1
        label = type(modules[0]).__name__ if len(modules) == 1 else f"optimizer_{number}"
        taken = {member.label for member in self._members.values()}
        member = Member(label if label not in taken else f"{label}_{number}", several=self._several)
        self._members[optimizer] = member
        prefix = "" if number == 1 else f"optimizer_{number}/"
        known = describe(optimizer, prefix)
        if session.loss_function is not None and number == 1:
            known["loss_function"] = session.loss_function
        self.run.log_params({**known, f"{prefix}n_trained": sum(map(torch.numel, parameters))})
        for module in modules:
            self._keep(module)
        return member

    def _keep(self, module: torch.nn.Module) -> None:
        if any(kept.module is module for kept in self.kept):
            return
        kind = type(module).__name__
        number = len(self.kept)
        name = names.MODEL if number == 0 else f"{names.MODEL}_{number + 1}"
        self.kept.append(Kept(self.run, module, name))
        total = sum(own.numel() for own in module.parameters())
        suffix = "" if number == 0 else f"_{number + 1}"
        self.run.log_params({f"model{suffix}": kind, f"n_parameters{suffix}": total})
        self.run.log_text(f"{module}\n\n{total:,} parameters\n", f"model_summary{suffix}.txt")

    def is_training(self) -> bool:
        """Say whether the modules it trains are in training mode."""
        for kept in self.kept:
            module = kept.module
            if module is not None and not module.training:
                return False
        return True

    # Steps

    def step(self, optimizer: Optimizer, member: Member, losses: dict[Site, torch.Tensor]) -> None:
        """Record one step of an optimizer and the losses differentiated for it."""
        step = member.steps
        member.steps += 1
        self.epochs.step()
        tensors = self._named(member, losses) if member.several else _summed(losses)
        losses_alone = tuple(tensors)
        if self._norms:
            tensors |= _gradient_norm(optimizer, member.key("gradient_norm"))
        rates = member.changed_rates(optimizer)
        for key, rate in rates.items():
            if isinstance(rate, torch.Tensor):
                tensors[key] = copy_of(rate)
        self.transfer.post(self._log_step, (step, losses_alone, rates), tensors)

    def _log_step(self, subject: tuple[int, tuple[str, ...], dict[str, Any]], values: Values) -> None:
        step, losses, rates = subject
        self.epochs.add({name: values[name] for name in losses})
        self._rates.update((key, rate) for key, rate in rates.items() if not isinstance(rate, torch.Tensor))
        if is_recorded(step, self._every):
            if values or self._rates:
                self.run.log_metrics({**values, **self._rates}, step)
            self._rates = {}

    def _named(self, member: Member, losses: dict[Site, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return losses under the names that the program has for them, those of several optimizers apart."""
        found: dict[str, torch.Tensor] = {}
        for site, loss in losses.items():
            name = name_at(site) or f"loss_{member.label}"
            if self._owners.setdefault(name, member) is not member:
                name = f"{name}_{member.label}"
            found[name] = found[name] + loss if name in found else loss
        return found

    def steps(self) -> int:
        """Return the number of steps made, by the optimizer that has made most of them."""
        return max((member.steps for member in self._members.values()), default=0)

    def log_results(self, tensors: dict[str, torch.Tensor]) -> None:
        """Record results that the program computed for the epoch, or for the evaluation that is just over."""
        self.transfer.post(self._log_results, self.epochs.step_of_evaluation(), tensors)

    def _log_results(self, step: int, values: Values) -> None:
        self.run.log_metrics(values, step)

    def log_scale(self, scale: torch.Tensor) -> None:
        """Record the factor of a gradient scaler."""
        self.transfer.post(self._log_scale, self._scales, {"grad_scale": copy_of(scale)})
        self._scales += 1

    def _log_scale(self, step: int, values: Values) -> None:
        if is_recorded(step, self._every):
            self.run.log_metrics(values, step)

    # The end

    def close(self) -> None:
        """End the loop, and its run where that is not the user's."""
        if self._ours:
            pop(self.run)
            self.run.end()
        self.finish()

    def finish(self) -> None:
        """Record all that was held back, and save the modules; doing so twice does no harm."""
        if self._finished:
            return
        self._finished = True
        courtesy.training_ends(self)
        with self.run.timed():
            self.epochs.finish()
            self.evaluations.finish()
            self.transfer.finish()
            self.checkpoints.finish()
        for kept in self.kept:
            kept.save()


def _open_run(loop: Loop) -> tuple[Run, bool]:
    """Return the run of a loop, and whether it is new: the user's active one is taken if nothing has used it yet."""
    tags = {names.AUTOLOGGING: "pytorch"}
    outer = active_run()
    if outer is not None and outer.open_ended:
        outer = None
    if outer is not None and outer.claim():
        outer.set_tags(tags)
        return outer, False
    experiment, parent = (outer.experiment, outer.id) if outer is not None else (None, None)
    run = Run(experiment=experiment, parent_id=parent, source="torch", tags=tags, open_ended=True)
    run.claim()
    push(run)
    if outer is not None:
        outer.before_end(loop.close)
    return run, True


def _summed(losses: dict[Site, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return one loss: gradients add up until the optimizer steps, and so do the losses they are of."""
    if not losses:
        return {}
    first, *others = losses.values()
    for other in others:
        first = first + other
    return {"loss": first}


def _gradient_norm(optimizer: Optimizer, key: str) -> dict[str, torch.Tensor]:
    """Return the norm of all gradients of an optimizer as one number, on their device."""
    gradients = [own.grad.detach() for own in parameters_of(optimizer) if own.grad is not None]
    if not gradients:
        return {}
    with torch.no_grad():
        norms = [torch.linalg.vector_norm(gradient).to(gradients[0].device) for gradient in gradients]
        return {key: torch.linalg.vector_norm(torch.stack(norms))}


def notebook_cell() -> int | None:
    """Return the number of the notebook cell that runs, None outside of notebooks."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return None if shell is None else int(shell.execution_count)
