"""Optimizer steps: the first one begins a run, every one is recorded, and the first of another loop begins the next."""

from __future__ import annotations

import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from autotrack.held_out.split_names import VALIDATION
from autotrack.integrations.torch import optimizers
from autotrack.integrations.torch.data_loading import Feed
from autotrack.integrations.torch.evaluating import PREFIXES
from autotrack.integrations.torch.loop import Loop
from autotrack.integrations.torch.members import Member
from autotrack.integrations.torch.session import here, is_own, session
from autotrack.shield import contain

if TYPE_CHECKING:
    from torch.optim import Optimizer

_open: weakref.WeakSet[Loop] = weakref.WeakSet()
_is_dynamo = torch.compiler.is_dynamo_compiling


def watch_steps() -> Any:
    """Watch the steps of all optimizers; return the handle whose `remove` ends that."""
    return register_optimizer_step_post_hook(autotrack_step)


def autotrack_step(optimizer: Optimizer, args: Any, kwargs: Any) -> None:  # noqa: ARG001 - torch calls it so
    """Record a step that was just made."""
    if _is_dynamo():
        return
    state = here.session
    try:
        stretch = state.stretch
        if (
            stretch is not None
            and len(state.losses) == 1
            and stretch.optimizer() is optimizer
            and optimizer.param_groups[0]["lr"] is stretch.rate
            and stretch.feed is state.feed
            and len(stretch.losses) < stretch.room
            and perf_counter() < stretch.due
        ):
            stretch.losses.append(state.losses.pop())
            state.scaled, state.phase = None, "train"
            return
        # Losses are taken only where `is_own` says so.
        if (state.losses or is_own()) and not torch.compiler.is_compiling():
            began = perf_counter()
            loop = state.loop
            member = None if loop is None else loop.member(optimizer)
            if loop is None or member is None:
                loop, member = _join(optimizer)
            losses, state.losses, state.scaled, state.phase = state.losses, [], None, "train"
            loop.step(optimizer, member, losses)
            state.stretch = loop.stretch
            loop.run.overhead += perf_counter() - began
    except Exception as error:  # noqa: BLE001 - contained, and raised in tests
        contain(error, "observing an optimizer step", None if state.loop is None else state.loop.run.note)


def _join(optimizer: Optimizer) -> tuple[Loop, Member]:
    """Take an optimizer into the loop of this thread, or into a new one."""
    place = optimizers.note(optimizer)
    loop = session().loop
    if loop is None or not loop.belongs(optimizer, place):
        loop = begin()
    optimizers.take(optimizer)
    return loop, loop.trained.join(optimizer, optimizers.waiting())


def begin() -> Loop:
    """Begin a loop in this thread, and with it a run; the one before ends."""
    end()
    loop = session().loop = Loop()
    session().training = True
    _open.add(loop)
    session().ending = weakref.finalize(session().thread, loop.close)
    session().ending.atexit = False
    return loop


def end() -> None:
    """End the loop of this thread, if there is one."""
    state = session()
    if state.ending is not None:
        state.ending.detach()
    if state.loop is not None:
        state.loop.close()
    state.loop = state.ending = state.evaluation = state.stretch = None
    state.training = False


def current() -> Loop | None:
    """Return the loop of this thread whose run has not ended."""
    loop = session().loop
    return loop if loop is not None and loop.run.status is None else None


def end_all() -> None:
    """End all loops of all threads."""
    end()
    for loop in list(_open):
        loop.close()
    _open.clear()
    state = session()
    state.losses, state.scaled, state.feed, state.loss_function = [], None, None, None


def data_is_over(feed: Feed) -> None:
    """End the epoch or the evaluation pass that a data loader iteration was for."""
    state = session()
    if feed.trained:
        if state.loop is not None:
            state.loop.epochs.end()
        return
    state.phase = PREFIXES[feed.split or VALIDATION]
    evaluation = state.evaluation
    if evaluation is not None and evaluation.feed is feed:
        evaluation.close()
