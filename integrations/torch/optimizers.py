"""Optimizers: what they are set to, the learning rate of every group, and each of their steps."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from autotrack.integration import Patcher
from autotrack.integrations.torch.session import is_own
from autotrack.shield import contain

_PLAIN = (bool, int, float, str)
_BOOKKEEPING = {"best", "last_epoch", "num_bad_epochs", "cooldown_counter", "base_lrs", "verbose"}


class Made:
    """When and where an optimizer was made, and whether a loop has taken it in."""

    __slots__ = ("place", "taken", "thread")

    def __init__(self, place: int, thread: int) -> None:
        self.place = place
        self.thread = thread
        self.taken = False


_counter = itertools.count(1)
_made: weakref.WeakKeyDictionary[Optimizer, Made] = weakref.WeakKeyDictionary()
_schedulers: weakref.WeakKeyDictionary[Optimizer, weakref.WeakSet[Any]] = weakref.WeakKeyDictionary()


def patch_optimizers(patcher: Patcher) -> None:
    """Note when optimizers and schedulers are made."""
    patcher.wrap(Optimizer, "__init__", lambda original: _noting(patcher, original, note))
    for kind in (LRScheduler, ReduceLROnPlateau):
        if "__init__" in vars(kind):
            patcher.wrap(kind, "__init__", lambda original: _noting(patcher, original, _note_scheduler))


def _noting(patcher: Patcher, original: Callable[..., None], take: Callable[[Any], object]) -> Callable[..., None]:
    def autotrack_init(self: Any, *args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        original(self, *args, **kwargs)
        try:
            if patcher.live and not torch.compiler.is_compiling() and is_own():
                take(self)
        except Exception as error:  # noqa: BLE001 - contained, and raised in tests
            contain(error, f"observing {type(self).__name__}")

    return autotrack_init


def note(optimizer: Optimizer) -> int:
    """Return the place of an optimizer in the order in which all were made; one that was copied counts from now on."""
    if optimizer not in _made:
        _made[optimizer] = Made(now(), threading.get_ident())
    return _made[optimizer].place


def now() -> int:
    """Return a place in that order that belongs to this moment."""
    return next(_counter)


def waiting() -> int:
    """Return how many living optimizers this thread has made that no loop has taken in."""
    here = threading.get_ident()
    return sum(made.thread == here and not made.taken for made in _made.values())


def take(optimizer: Optimizer) -> None:
    """Note that a loop has taken an optimizer in."""
    _made[optimizer].taken = True


def _note_scheduler(scheduler: Any) -> None:
    _schedulers.setdefault(scheduler.optimizer, weakref.WeakSet()).add(scheduler)


def parameters_of(optimizer: Optimizer) -> list[torch.Tensor]:
    """Return the tensors that an optimizer changes."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def describe(optimizer: Optimizer, prefix: str) -> dict[str, Any]:
    """Return what an optimizer and its schedulers are set to, named as MLflow does for Lightning.

    Args:
        optimizer: The optimizer.
        prefix: Put before every name, to tell several optimizers apart.
    """
    known: dict[str, Any] = {f"{prefix}optimizer_name": type(optimizer).__name__}
    groups = optimizer.param_groups
    for key in dict.fromkeys(key for group in groups for key in group if key not in {"params", "param_names"}):
        values = [group.get(key) for group in groups]
        if all(_is_setting(value) for value in values):
            if all(type(value) is type(values[0]) and value == values[0] for value in values):
                known[f"{prefix}{key}"] = values[0]
            else:
                known |= {f"{prefix}{key}/{group_name(group, at)}": group.get(key) for at, group in enumerate(groups)}
    if len(groups) > 1:
        known[f"{prefix}param_groups"] = len(groups)
    for scheduler in _schedulers.get(optimizer, ()):
        settings = {key: value for key, value in vars(scheduler).items() if _is_scheduler_setting(key, value)}
        known |= {f"{prefix}lr_scheduler_{key}": value for key, value in settings.items()}
        known[f"{prefix}lr_scheduler_name"] = type(scheduler).__name__
    return known


def group_name(group: Mapping[str, Any], place: int) -> str:
    """Return what a parameter group is called: its own name, or "pg1" and so on, as Lightning has it."""
    return str(group.get("name", f"pg{place + 1}"))


def _is_setting(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(item, _PLAIN) for item in value)
    return value is None or isinstance(value, _PLAIN)


def _is_scheduler_setting(key: str, value: Any) -> bool:
    return not key.startswith("_") and key not in _BOOKKEEPING and value is not None and _is_setting(value)


def forget_all() -> None:
    """Forget the optimizers and schedulers that were made."""
    _made.clear()
    _schedulers.clear()
