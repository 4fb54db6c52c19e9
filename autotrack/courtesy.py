"""Background threads wait while a short training is under way: there is one interpreter lock, and it is the training's.

A thread that wants the lock takes it from the training for 5 ms at a time. Where short trainings follow each other,
as in a loop of fits, that adds up; so who writes pictures or delivers records asks here first. A long training is not
waited for: what is taken from it is small beside it, and people watch it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

SHORT = 1.0
"""Seconds after its start until which a training counts as short."""

AFTERMATH = 0.05
"""Seconds after its end in which a training may be followed by the next one."""

PATIENCE = 1.0
"""Seconds for which a background thread waits in all."""

LOOK = 0.05

_began: dict[int, float] = {}
_ended = float("-inf")


def training_begins(call: object) -> None:
    """Remember that an outermost tracked call is under way."""
    _began[id(call)] = time.monotonic()


def training_ends(call: object) -> None:
    """Remember that it is over; saying so twice does no harm."""
    global _ended  # noqa: PLW0603 - one process, one interpreter lock
    if _began.pop(id(call), None) is not None:
        _ended = time.monotonic()


def is_busy() -> bool:
    """Say whether a short training is under way, or has only just ended."""
    now = time.monotonic()
    return now - _ended < AFTERMATH or any(now - began < SHORT for began in list(_began.values()))


def give_way(hurried: Callable[[float], object]) -> None:
    """Wait while short trainings are under way, for `PATIENCE` seconds at most.

    Args:
        hurried: Waits for so many seconds at most, and says whether somebody waits for the caller's work.
    """
    deadline = time.monotonic() + PATIENCE
    while is_busy() and time.monotonic() < deadline and not hurried(LOOK):
        pass


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_began.clear)  # trainings of the parent do not go on in its child
