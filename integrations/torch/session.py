"""What one thread is doing: the loop it is in, and what it has handed to torch since the last optimizer step."""

from __future__ import annotations

import os
import threading
from types import CodeType
from typing import TYPE_CHECKING, Any

from autotrack.active import is_paused
from autotrack.patching.nesting import active_call

if TYPE_CHECKING:
    import torch

    from autotrack.integrations.torch.data_loading import Feed
    from autotrack.integrations.torch.evaluating import Pass
    from autotrack.integrations.torch.loop import Loop

Site = tuple[CodeType, int]
"""A line of the program."""


class Session(threading.local):
    """The state of one thread; threads never mix.

    Attributes:
        loop: The training loop, from its first optimizer step on.
        losses: Losses differentiated since the last step, by the line of the program that did it, each a copy.
        scaled: A weak reference to a loss that a gradient scaler multiplied, and a copy of it as it was before.
        feed: The data loader iteration that gave the last batch.
        evaluation: The evaluation pass under way.
        loss_function: The last one that was called with gradients on.
        phase: What stands before the names of metrics now: "train", or the prefix of a split.
        computing: How deep the thread is in a function whose own calls are not the program's.
        thread: Dies with the thread.
        ending: Ends the loop with the thread.
    """

    def __init__(self) -> None:
        self.loop: Loop | None = None
        self.losses: dict[Site, torch.Tensor] = {}
        self.scaled: tuple[Any, torch.Tensor] | None = None
        self.feed: Feed | None = None
        self.evaluation: Pass | None = None
        self.loss_function: str | None = None
        self.phase = "train"
        self.computing = 0
        self.thread = Thread()
        self.ending: Any = None


class Thread:
    """Stands for a thread: it is collected when the thread has ended."""

    __slots__ = ("__weakref__",)


session = Session()


_forked = False


def is_own() -> bool:
    """Say whether what happens now is the program's own doing.

    It is not where recording is paused, inside another tracked call, and in forked children.
    """
    return not _forked and not is_paused() and active_call() is None


def _after_fork_in_child() -> None:
    global _forked  # noqa: PLW0603 - one process, one answer
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
