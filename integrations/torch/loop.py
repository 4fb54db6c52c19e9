"""One training loop of the program as one run: from its first optimizer step until another loop begins."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch

from autotrack import courtesy, names
from autotrack.active import active_run, pop, push, take_run
from autotrack.integrations.torch.losses import name_at
from autotrack.integrations.torch.members import Member
from autotrack.integrations.torch.session import Loss, notebook_shell, session
from autotrack.integrations.torch.stretch import Stretch
from autotrack.integrations.torch.thinning import is_recorded, recorded_steps
from autotrack.integrations.torch.totals import gradient_norm, summed
from autotrack.integrations.torch.trained import Trained
from autotrack.integrations.torch.transfer import PATIENCE, Numbers, Transfer, Values, copy_of, tensor_of
from autotrack.recording import current_recorder
from autotrack.run import Run

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from autotrack.integrations.torch.checkpoints import Checkpoints
    from autotrack.integrations.torch.epochs import Epochs
    from autotrack.integrations.torch.evaluating import Evaluations


class Loop:
    """A training loop and its run.

    Attributes:
        run: Its run: the user's own where one was active, else a new one.
        transfer: What is on the way from the device.
        epochs: What was seen of its data.
        evaluations: What was computed without gradients.
        trained: Its optimizers and modules.
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
        self.trained = Trained(self.run)
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
        return None if self._is_over() else self.trained.find(optimizer)

    def belongs(self, optimizer: Optimizer, place: int) -> bool:
        """Say whether an optimizer that was made at `place`, and steps for the first time, is part of this loop."""
        return not self._is_over() and self.trained.belongs(optimizer, place)

    def _is_over(self) -> bool:
        """Say whether the run has ended, or another cell of the notebook runs than the one in which the loop began."""
        other_cell = self._shell is not None and self._shell.execution_count != self._cell
        return self._finished or self.run.status is not None or other_cell

    def mode_switched(self, module: torch.nn.Module) -> None:
        """Note that a module was switched between training and evaluation."""
        if self.trained.has(module):
            session().training = module.training

    # Steps

    def step(self, optimizer: Optimizer, member: Member, losses: list[Loss | float]) -> None:
        """Record one step of an optimizer and the losses differentiated for it."""
        self.settle()
        step = member.steps
        self._count(member, 1)
        rates = member.changed_rates(optimizer)
        if len(losses) == 1 and not (rates or self.trained.several or self._norms):
            self._put(optimizer, member, losses[0])
            return
        self.send_losses(step)
        self.stretch = None
        kept = [loss if isinstance(loss, Loss) else Loss.of(tensor_of(loss)) for loss in losses]
        tensors = self._named(member, kept) if member.several else summed(kept)
        names_of_losses = tuple(tensors)
        if self._norms:
            tensors |= gradient_norm(optimizer, member.key("gradient_norm"))
        tensors |= {key: copy_of(rate) for key, rate in rates.items() if isinstance(rate, torch.Tensor)}
        plain = {key: rate for key, rate in rates.items() if not isinstance(rate, torch.Tensor)}
        self.post(lambda at, values: self._log_step(at, values, names_of_losses, plain), step, tensors)

    def _count(self, member: Member, steps: int) -> None:
        member.steps += steps
        self._made = max(self._made, member.steps)
        self.epochs.step(steps)

    def _put(self, optimizer: Optimizer, member: Member, loss: Loss | float) -> None:
        """Put a step that is like most to the stretch it belongs to."""
        stretch, feed = self.stretch, session().feed
        if stretch is None or not stretch.is_of(optimizer, feed):
            self.send_losses(member.steps - 1)
            stretch = self.stretch = Stretch(optimizer, member, feed, patience=self._patience(optimizer))
        if stretch.put(loss) or self.transfer.is_late(perf_counter()):
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
            kept = [loss for loss in losses if isinstance(loss, Loss)]
            at_hand = [None if isinstance(loss, Loss) else loss for loss in losses]
            tensors, versions = [loss.value for loss in kept], [loss.version for loss in kept]
            self.transfer.post(self._log_losses, (first, at_hand), tensors, versions)

    def _log_losses(self, subject: tuple[int, Numbers], arrived: Numbers) -> None:
        """Log the losses of steps: those that were at hand, and in their gaps those that have arrived."""
        first, at_hand = subject
        later = iter(arrived)
        numbers = [number if number is not None else next(later) for number in at_hand]
        self.epochs.add("loss", [number for number in numbers if number is not None])
        steps = recorded_steps(first, first + len(numbers), self._every)
        points = [(step, number) for step in steps if (number := numbers[step - first]) is not None]
        if points and self._rates:
            self.run.log_metrics({"loss": points[0][1], **self._rates}, points.pop(0)[0])
            self._rates = {}
        self.run.log_points("loss", points)

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
        for kept in self.trained.kept:
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
