"""What one thread is doing: the loop it is in, and what it has handed to torch since the last optimizer step."""

from __future__ import annotations

import os
import sys
import threading
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import torch

from autotrack.active import is_paused
from autotrack.patching.nesting import active_call

if TYPE_CHECKING:
    from autotrack.integrations.torch.data_loading import Feed
    from autotrack.integrations.torch.evaluating import Pass
    from autotrack.integrations.torch.loop import Loop
    from autotrack.integrations.torch.stretch import Stretch


class Loss(msgspec.Struct, frozen=True):
    """A loss that was differentiated.

    Attributes:
        site: Where; None where it does not matter, as only one optimizer is there.
        value: The program's own tensor without its history: copying each one would cost what recording it may cost.
        version: Of the tensor's content. Where the program writes into it later, its value is lost.
    """

    site: Site | None
    value: torch.Tensor
    version: int

    @classmethod
    def of(cls, tensor: torch.Tensor, site: Site | None = None) -> Loss:
        """Return what a tensor of one element holds now."""
        value = tensor.detach()
        return cls(site, value, value._version)  # noqa: SLF001 - autograd's own means, and documented


class Site(NamedTuple):
    """A place in the program: an instruction of a piece of code."""

    code: CodeType
    instruction: int


class Session:
    """The state of one thread; threads never mix.

    Attributes:
        loop: The training loop, from its first optimizer step on.
        losses: Losses differentiated since the last step. In a stretch of equal steps, one of the program's main memory
            is a plain number: reading it takes less than keeping the tensor.
        scaled: A weak reference to a loss that a gradient scaler multiplied, and the loss as it was before.
        stretch: The stretch of equal steps that it is in.
        feed: The data loader iteration that gave the last batch.
        evaluation: The evaluation pass under way.
        loss_function: The last one that was called before the loop began.
        training: Whether there is a loop, and its modules are in training mode as far as the program has said.
        phase: What stands before the names of metrics now: "train", or the prefix of a split.
        computing: How deep the thread is in a function whose own calls are not the program's.
        thread: Dies with the thread.
        ending: Ends the loop with the thread.
    """

    __slots__ = (
        "computing",
        "ending",
        "evaluation",
        "feed",
        "loop",
        "loss_function",
        "losses",
        "phase",
        "scaled",
        "stretch",
        "thread",
        "training",
    )

    def __init__(self) -> None:
        self.loop: Loop | None = None
        self.losses: list[Loss | float] = []
        self.scaled: tuple[Any, torch.Tensor] | None = None
        self.stretch: Stretch | None = None
        self.feed: Feed | None = None
        self.evaluation: Pass | None = None
        self.loss_function: str | None = None
        self.training = False
        self.phase = "train"
        self.computing = 0
        self.thread = Thread()
        self.ending: Any = None


class Thread:
    """Stands for a thread: it is collected when the thread has ended."""

    __slots__ = ("__weakref__",)


class _Local(threading.local):
    def __init__(self) -> None:
        self.session = Session()


here = _Local()
"""`here.session` is the state of this thread, for what runs in every step; `session()` for all else."""


def session() -> Session:
    """Return the state of this thread."""
    return here.session


_forked = False


def is_own() -> bool:
    """Say whether what happens now is the program's own doing.

    It is not where recording is paused, inside another tracked call, and in forked children.
    """
    return not (_forked or is_paused() or active_call())


def _after_fork_in_child() -> None:
    global _forked  # noqa: PLW0603 - one process, one answer
    _forked = True
    here.session.stretch = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def notebook_shell() -> Any:
    """Return what runs the cells of a notebook, None outside of notebooks."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None
