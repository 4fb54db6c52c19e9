"""Evaluation passes: what the program computes without training on it becomes losses and reports of a split.

A pass is the losses computed one after the other without gradients, over one data loader or until training goes on.
Targets and outputs that the program itself hands to a loss function are collected on their device; nothing is computed
by the model once more. The report is made in the background.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from time import perf_counter, thread_time
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional

from autotrack.held_out.split_names import TEST, TRAINING, VALIDATION, split_by_name
from autotrack.integration import Patcher
from autotrack.integrations.torch.collected import Collected
from autotrack.integrations.torch.readings import READERS
from autotrack.integrations.torch.session import Site, here, is_own, session
from autotrack.integrations.torch.transfer import Values
from autotrack.patching.call import signature
from autotrack.recording import current_recorder
from autotrack.shield import contain

if TYPE_CHECKING:
    from autotrack.integrations.torch.data_loading import Feed
    from autotrack.integrations.torch.loop import Loop

PREFIXES = {VALIDATION: "val", TEST: "test", TRAINING: "training"}
"""Split -> what stands before the names of its losses and metrics."""
SHARE_OF_TRAINING = 0.05
MAX_WAITING = 4
"""Reports that may wait for the background thread."""
MAX_DOUBTS = 3
"""Times that what looked like an evaluation may turn out to be training, before such is no longer looked at."""


def patch_loss_functions(patcher: Patcher) -> None:
    """Watch the loss functions; the modules of losses call them."""
    for name in READERS:
        patcher.wrap(torch.nn.functional, name, functools.partial(_watched, patcher, name))


def _watched(patcher: Patcher, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    # In every step: the cheap half of `is_compiling`, as the other makes calls of its own.
    is_dynamo, is_grad_enabled = torch.compiler.is_dynamo_compiling, torch.is_grad_enabled

    def autotrack_loss(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        loss = original(*args, **kwargs)
        if is_dynamo():
            return loss
        state = here.session
        if state.training and is_grad_enabled():
            return loss
        loop = state.loop
        if loop is None:
            state.loss_function = name
            return loss
        if not patcher.live:
            return loss
        try:
            if not torch.compiler.is_compiling() and is_own() and not state.computing and _is_plain(loss):
                given = signature(original).bind(*args, **kwargs)
                given.apply_defaults()
                loop.evaluations.take(name, given.arguments, loss, _site(sys._getframe(1)))  # noqa: SLF001
        except Exception as error:  # noqa: BLE001 - contained, and raised in tests
            contain(error, f"observing {name}")
        return loss

    # TorchScript compiles what stands here under this mark of its own, and not a wrapper that it cannot read.
    autotrack_loss.__script_if_tracing_wrapper = True  # type: ignore[attr-defined]  # noqa: SLF001
    autotrack_loss.__original_fn = original  # type: ignore[attr-defined]  # noqa: SLF001
    return autotrack_loss


def _is_plain(loss: Any) -> bool:
    """Say whether these are numbers: no symbol of a tracer, and nothing inside a function transform."""
    return isinstance(loss, torch.Tensor) and not torch._C._functorch.is_functorch_wrapped_tensor(loss)  # noqa: SLF001


def _site(frame: FrameType | None) -> Site:
    """Return the line of the program outside of torch that calls."""
    while frame is not None and frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("torch."):
        frame = frame.f_back
    assert frame is not None  # noqa: S101 - a call has a caller
    return Site(frame.f_code, frame.f_lasti)


class Part:
    """The batches of one call of a loss function in a pass.

    Attributes:
        collected: What they were about.
    """

    def __init__(self) -> None:
        self._total: torch.Tensor | None = None
        self._count = 0
        self.collected = Collected()

    def add(self, given: Mapping[str, Any], loss: torch.Tensor, name: str) -> None:
        """Add one batch; its loss counts as much as it has rows."""
        target = given["target"]
        rows = target.shape[0] if target.dim() else 1
        loss = loss.detach().float()
        total = loss.clone() if given["reduction"] == "sum" else loss.mean() * rows
        self._total = total if self._total is None else self._total + total.to(self._total.device)
        self._count += rows
        self.collected.add(name, given)

    def loss(self) -> torch.Tensor | None:
        """Return the mean loss of a row, on its device."""
        return None if self._total is None or not self._count else (self._total / self._count).reshape(())


class Pass:
    """One evaluation pass.

    Args:
        evaluations: Where it belongs.
        feed: The data loader iteration it is over, if it is.
        split: The split.

    Attributes:
        doubtful: Whether gradients were on, so that it may turn out to be training.
    """

    def __init__(self, evaluations: Evaluations, feed: Feed | None, split: str) -> None:
        self._evaluations = evaluations
        self.feed = feed
        self.split = split
        self.parts: dict[tuple[str, Site], Part] = {}
        self.doubtful = True

    def add(self, name: str, given: Mapping[str, Any], loss: torch.Tensor, site: Site) -> None:
        """Add one loss."""
        self.doubtful = self.doubtful and torch.is_grad_enabled()
        with torch.no_grad():
            self.parts.setdefault((name, site), Part()).add(given, loss, name)

    def training_resumes(self) -> None:
        """End the pass, or forget it where it was training itself."""
        if self.doubtful:
            session().evaluation = None
            self._evaluations.doubts += 1
        else:
            self.close()

    def close(self) -> None:
        """End the pass and record it."""
        session().evaluation = None
        self._evaluations.record(self)


class Evaluations:
    """The evaluation passes of a loop.

    Args:
        loop: The loop.

    Attributes:
        doubts: How often what looked like an evaluation was training.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._last_step: dict[str, int] = {}
        self._began = perf_counter()
        self._spent = 0.0
        self._waiting = 0
        self._left_out: dict[str, tuple[Collected, int]] = {}
        self.doubts = 0

    def take(self, name: str, given: Mapping[str, Any], loss: torch.Tensor, site: Site) -> None:
        """Take a loss that is not trained on."""
        if torch.is_grad_enabled() and self.doubts >= MAX_DOUBTS:
            return
        state = session()
        feed = state.feed if state.feed is not None and not state.feed.trained else None
        current = state.evaluation
        if current is None or current.feed is not feed:
            if current is not None:
                current.close()
            if self._loop.epochs.feed is None and not torch.is_grad_enabled():
                self._loop.epochs.end()
            split = (feed.split if feed is not None else split_by_name(given["target"])) or VALIDATION
            current = state.evaluation = Pass(self, feed, split)
            state.phase = PREFIXES[split]
        current.add(name, given, loss, site)

    def record(self, finished: Pass) -> None:
        """Record a pass: its losses on their way from the device, its report in the background."""
        step = max(self._loop.epochs.step_of_evaluation(), self._last_step.get(finished.split, -1) + 1)
        self._last_step[finished.split] = step
        losses = {}
        for place, ((name, _), part) in enumerate(finished.parts.items()):
            loss = part.loss()
            key = f"{PREFIXES[finished.split]}_{'loss' if place == 0 else name}"
            if loss is not None:
                losses[key if key not in losses else f"{key}_{place + 1}"] = loss
            split = finished.split if place == 0 else f"{finished.split}_{name}_{place + 1}"
            self._report(split, part.collected, step)
        self._loop.post(self._log_losses, step, losses)

    def _log_losses(self, step: int, losses: Values) -> None:
        self._loop.run.log_metrics(losses, step)

    def _report(self, split: str, collected: Collected, step: int) -> None:
        if not collected or not current_recorder().settings.log_evaluation:
            return
        self._left_out.pop(split, None)
        budget = current_recorder().settings.evaluation_budget + SHARE_OF_TRAINING * (perf_counter() - self._began)
        if self._waiting >= MAX_WAITING or self._spent > budget:
            self._left_out[split] = (collected, step)
            if self._loop.run.first("evaluation.thinned"):
                message = "not every pass has a report, to stay in the budget; the last one has"
                self._loop.run.note("evaluation.thinned", message)
            return
        self._defer(split, collected, step)

    def _defer(self, split: str, collected: Collected, step: int) -> None:
        self._waiting += 1
        collected.seal()
        self._loop.run.defer(f"evaluating {split}", lambda: self._evaluate(split, collected, step))

    def _evaluate(self, split: str, collected: Collected, step: int) -> None:
        began = thread_time()
        try:
            collected.log(self._loop.run, split, step)
        finally:
            self._spent += thread_time() - began
            self._waiting -= 1

    def finish(self) -> None:
        """Record the pass under way, and the last report of each split that the budget did not allow for before."""
        current = session().evaluation
        if current is not None and not current.doubtful:
            current.close()
        for split, (collected, step) in self._left_out.items():
            self._defer(split, collected, step)
        self._left_out = {}
