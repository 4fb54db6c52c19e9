"""One training loop of the program as one run: from its first optimizer step until another loop begins."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch

from autotrack import courtesy, names
from autotrack.active import active_run, pop, push, take_run
from autotrack.integrations.torch.keeping import Kept
from autotrack.integrations.torch.losses import name_at
from autotrack.integrations.torch.members import Member
from autotrack.integrations.torch.modules import owners_of
from autotrack.integrations.torch.optimizers import describe, now, parameters_of
from autotrack.integrations.torch.session import Loss, session
from autotrack.integrations.torch.stretch import Stretch
from autotrack.integrations.torch.transfer import GROUP, PATIENCE, Numbers, Transfer, Values, copy_of
from autotrack.recording import current_recorder
from autotrack.run import Run

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from autotrack.integrations.torch.checkpoints import Checkpoints
    from autotrack.integrations.torch.epochs import Epochs
    from autotrack.integrations.torch.evaluating import Evaluations

EVERY_STEP = 1000
"""Steps whose losses are all recorded; from there on every 10th, from ten times as many every 100th, and so on."""


def recorded_steps(first: int, end: int, every: int) -> Iterator[int]:
    """Yield the steps whose losses become points of their own.

    Args:
        first: From this step on, counted from 0.
        end: The step after the last.
        every: The setting `log_every_n_steps`; 0 thins out long trainings by itself.
    """
    step = first
    while True:
        stride = every or 1
        while not every and step >= EVERY_STEP * stride:
            stride *= 10
        step = -(-step // stride) * stride
        if step >= end:
            return
        yield step
        step += 1


def is_recorded(step: int, every: int) -> bool:
    """Say whether a step's loss becomes a point of its own."""
    return next(recorded_steps(step, step + 1, every), None) is not None


class Loop:
    """A training loop and its run.

    Attributes:
        run: Its run: the user's own where one was active, else a new one.
        transfer: What is on the way from the device.
        epochs: What was seen of its data.
        evaluations: What was computed without gradients.
        kept: The modules it trains.
        training: Whether they are in training mode, as far as the program has said.
        stretch: The stretch of equal steps that it is in.
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
        self.training = True
        self._began = now()
        self._members: weakref.WeakKeyDictionary[Optimizer, Member] = weakref.WeakKeyDictionary()
        self._latest: tuple[Callable[[], Optimizer | None], Member | None] = (lambda: None, None)
        self._several = False
        self._joined = 0
        self._made = 0
        self._owners: dict[str, Member] = {}
        self._scales = 0
        self._rates: dict[str, float] = {}
        self.stretch: Stretch | None = None
        self._every = current_recorder().settings.log_every_n_steps
        self._norms = current_recorder().settings.log_gradient_norm
        self._shell = notebook_shell()
        self._cell = None if self._shell is None else self._shell.execution_count
        self._finished = False
        self.run.before_end(self.finish)
        courtesy.training_begins(self)

    # Optimizers

    def member(self, optimizer: Optimizer) -> Member | None:
        """Return what is known of an optimizer of this loop, None where it is none of it or the loop is over."""
        if self._finished or self.run.status is not None or self._is_other_cell():
            return None
        if self._latest[0]() is not optimizer:
            member = self._members.get(optimizer)
            if member is None:
                return None
            self._latest = (weakref.ref(optimizer), member)
        return self._latest[1]

    def _is_other_cell(self) -> bool:
        """Say whether another cell of the notebook runs than the one in which the loop began."""
        return self._shell is not None and self._shell.execution_count != self._cell

    def belongs(self, optimizer: Optimizer, place: int) -> bool:
        """Say whether an optimizer that steps for the first time is part of this loop.

        It is if it was made before the loop began, as in a GAN, or if it goes on with what the loop trains.

        Args:
            optimizer: The optimizer.
            place: When it was made.
        """
        if self._finished or self.run.status is not None or self._is_other_cell():
            return False
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
        self._several = self._several or waiting > 0 or self._joined > 0
        self._joined += 1
        parameters = parameters_of(optimizer)
        modules = owners_of(parameters)
        number = self._joined
        label = type(modules[0]).__name__ if len(modules) == 1 else f"optimizer_{number}"
        taken = {member.label for member in self._members.values()}
        member = Member(label if label not in taken else f"{label}_{number}", several=self._several)
        self._members[optimizer] = member
        self._latest = (weakref.ref(optimizer), member)
        prefix = "" if number == 1 else f"optimizer_{number}/"
        known = describe(optimizer, prefix)
        if session().loss_function is not None and number == 1:
            known["loss_function"] = session().loss_function
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

    @property
    def has_one_optimizer(self) -> bool:
        """Whether its losses need no names to be told apart."""
        return not self._several

    def mode_switched(self, module: torch.nn.Module) -> None:
        """Note that a module was switched between training and evaluation."""
        if any(kept.module is module for kept in self.kept):
            self.training = module.training

    # Steps

    def step(self, optimizer: Optimizer, member: Member, losses: list[Loss]) -> None:
        """Record one step of an optimizer and the losses differentiated for it."""
        self.settle()
        step = member.steps
        self._count(member, 1)
        rates = member.changed_rates(optimizer)
        if len(losses) == 1 and not (rates or self._several or self._norms):
            self._put(optimizer, member, losses[0])
            return
        self.send_losses(step)
        self.stretch = None
        tensors = self._named(member, losses) if member.several else _summed(losses)
        names_of_losses = tuple(tensors)
        if self._norms:
            tensors |= _gradient_norm(optimizer, member.key("gradient_norm"))
        tensors |= {key: copy_of(rate) for key, rate in rates.items() if isinstance(rate, torch.Tensor)}
        plain = {key: rate for key, rate in rates.items() if not isinstance(rate, torch.Tensor)}
        self.post(lambda at, values: self._log_step(at, values, names_of_losses, plain), step, tensors)

    def _count(self, member: Member, steps: int) -> None:
        member.steps += steps
        self._made = max(self._made, member.steps)
        self.epochs.step(steps)

    def _put(self, optimizer: Optimizer, member: Member, loss: Loss) -> None:
        """Put a step that is like most to the stretch it belongs to."""
        stretch, feed = self.stretch, session().feed
        if stretch is None or not stretch.is_of(optimizer, feed):
            self.send_losses(member.steps - 1)
            stretch = self.stretch = Stretch(optimizer, member, feed, patience=self._patience(optimizer))
        stretch.losses.append(loss)
        stretch.counted += 1
        if len(stretch.losses) >= GROUP or self.transfer.is_late(perf_counter()):
            self.send_losses()

    def _patience(self, optimizer: Optimizer) -> float:
        """Return how long steps may be put down without a thought; in a notebook each may be in a new cell."""
        return PATIENCE if self._shell is None and len(optimizer.param_groups) == 1 else 0.0

    def settle(self) -> None:
        """Count the steps that were only put down; whoever asks for numbers of steps or epochs needs this first."""
        stretch = self.stretch
        if stretch is not None and len(stretch.losses) > stretch.counted:
            new = len(stretch.losses) - stretch.counted
            stretch.counted += new
            self._count(stretch.member, new)

    def send_losses(self, following: int | None = None) -> None:
        """Send the losses that most steps consist of: of one optimizer, one a step.

        Args:
            following: The number of the step after the last of them, where it is not the next one to be made.
        """
        self.settle()
        stretch = self.stretch
        if stretch is not None and stretch.losses:
            first = (self._made if following is None else following) - len(stretch.losses)
            losses, stretch.losses, stretch.counted = stretch.losses, [], 0
            stretch.wait()
            values, versions = [loss.value for loss in losses], [loss.version for loss in losses]
            self.transfer.post(self._log_losses, first, values, versions)

    def _log_losses(self, first: int, numbers: Numbers) -> None:
        self.epochs.add("loss", [number for number in numbers if number is not None])
        for step in recorded_steps(first, first + len(numbers), self._every):
            number = numbers[step - first]
            if number is not None:
                self.run.log_metrics({"loss": number, **self._rates}, step)
                self._rates = {}

    def _log_step(self, step: int, values: Values, losses: tuple[str, ...], rates: dict[str, float]) -> None:
        for name in losses:
            self.epochs.add(name, [values[name]])
        self._rates |= rates
        if is_recorded(step, self._every):
            self.run.log_metrics({**values, **self._rates}, step)
            self._rates = {}

    def post(self, take: Callable[[Any, Values], None], subject: Any, tensors: dict[str, torch.Tensor]) -> None:
        """Send named values on their way, after all losses before them."""
        self.send_losses()
        names_of_values = list(tensors)

        def take_numbers(subject: Any, numbers: Numbers) -> None:
            take(
                subject,
                {name: number for name, number in zip(names_of_values, numbers, strict=True) if number is not None},
            )

        self.transfer.post(take_numbers, subject, list(tensors.values()))

    def _named(self, member: Member, losses: list[Loss]) -> dict[str, torch.Tensor]:
        """Return losses under the names that the program has for them, those of several optimizers apart."""
        found: dict[str, torch.Tensor] = {}
        for loss in losses:
            name = name_at(loss.site) or f"loss_{member.label}"
            if self._owners.setdefault(name, member) is not member:
                name = f"{name}_{member.label}"
            value = copy_of(loss.value)
            found[name] = found[name] + value if name in found else value
        return found

    def steps(self) -> int:
        """Return the number of steps made, by the optimizer that has made most of them."""
        self.settle()
        return self._made

    def log_results(self, tensors: dict[str, torch.Tensor]) -> None:
        """Record results that the program computed for the epoch, or for the evaluation that is just over."""
        self.post(self._log_results, self.epochs.step_of_evaluation(), tensors)

    def _log_results(self, step: int, values: Values) -> None:
        self.run.log_metrics(values, step)

    def log_scale(self, scale: torch.Tensor) -> None:
        """Record the factor of a gradient scaler."""
        self.post(self._log_scale, self._scales, {"grad_scale": copy_of(scale)})
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
        if self.stretch is not None:
            self.stretch.end()
        courtesy.training_ends(self)
        with self.run.timed():
            self.epochs.finish()
            self.evaluations.finish()
            self.send_losses()
            self.transfer.finish()
            self.checkpoints.finish()
        for kept in self.kept:
            kept.save()


def _open_run(loop: Loop) -> tuple[Run, bool]:
    """Return the run of a loop, and whether it is new: the user's active one is taken if nothing has used it yet."""
    outer = active_run()
    run, ours = take_run(None, source="torch", tags={names.AUTOLOGGING: "pytorch"}, open_ended=True)
    if ours:
        push(run)
    if outer is not None and run.parent_id == outer.id:
        outer.before_end(loop.close)
    return run, ours


def _summed(losses: list[Loss]) -> dict[str, torch.Tensor]:
    """Return one loss: gradients add up until the optimizer steps, and so do the losses they are of."""
    if not losses:
        return {}
    total = copy_of(losses[0].value)
    for loss in losses[1:]:
        total = total + loss.value.reshape(()).to(total.device)
    return {"loss": total}


def _gradient_norm(optimizer: Optimizer, key: str) -> dict[str, torch.Tensor]:
    """Return the norm of all gradients of an optimizer as one number, on their device."""
    gradients = [own.grad.detach() for own in parameters_of(optimizer) if own.grad is not None]
    if not gradients:
        return {}
    with torch.no_grad():
        norms = [torch.linalg.vector_norm(gradient).to(gradients[0].device) for gradient in gradients]
        return {key: torch.linalg.vector_norm(torch.stack(norms))}


def notebook_shell() -> Any:
    """Return what runs the cells of a notebook, None outside of notebooks."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None
