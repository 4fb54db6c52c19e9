"""Which run is active where: a stack per thread and per asyncio task, so that concurrent trainings never mix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from autotrack.recording import open_recorder
from autotrack.run import Run


class Prospect(Protocol):
    """A run that is opened when something is first recorded in it, such as the trial of a study."""

    def open(self) -> Run | None:
        """Return the run, the same at every call; None where there is none to give."""


_stack: ContextVar[tuple[Run | Prospect, ...]] = ContextVar("autotrack_runs", default=())
_paused: ContextVar[int] = ContextVar("autotrack_paused", default=0)


def active_run() -> Run | None:
    """Return the innermost run of this context that has not ended."""
    for entry in reversed(_stack.get()):
        run = entry if isinstance(entry, Run) else entry.open()
        if run is not None and run.status is None:
            return run
    return None


def push(run: Run | Prospect) -> None:
    """Make a run the active one of this context."""
    _stack.set((*_stack.get(), run))
    if isinstance(run, Run):
        end_with_process(run)


def end_with_process(run: Run) -> None:
    """Have a run that is still open at the end of the process end with it."""
    recorder = open_recorder()
    if recorder is not None:
        recorder.runs[run.id] = run


def pop(run: Run | Prospect) -> None:
    """Take a run off the stack, wherever on it it stands."""
    _stack.set(tuple(other for other in _stack.get() if other is not run))


@contextmanager
def activated(run: Run) -> Iterator[None]:
    """Make a run the active one inside the block, unless it is so already because it is the user's own."""
    if active_run() is run:
        yield
        return
    push(run)
    try:
        yield
    finally:
        pop(run)


def take_run(
    name: str | None, *, source: str, tags: Mapping[str, str] | None = None, open_ended: bool = False
) -> tuple[Run, bool]:
    """Return the run that a training logs into, and whether it is a new one, which the caller ends.

    It is the user's own active run if no training used it yet, else a new run: a child of that one, or a root.

    Args:
        name: Name of a new run.
        source: Name of the integration.
        tags: Tags that the run gets, new or not.
        open_ended: Whether nobody will say where a new run ends.
    """
    outer = active_run()
    if outer is not None and outer.open_ended:
        outer = None
    if outer is not None and outer.claim():
        outer.set_tags(tags or {})
        return outer, False
    experiment, parent_id = (outer.experiment, outer.id) if outer is not None else (None, None)
    run = Run(name, experiment=experiment, parent_id=parent_id, source=source, tags=tags, open_ended=open_ended)
    run.claim()
    return run, True


@contextmanager
def paused() -> Iterator[None]:
    """Record nothing by itself inside the block; blocks may be nested, in any context.

    Example:
        >>> import autotrack
        >>> with autotrack.paused():
        ...     pass  # a fit here is not recorded
    """
    token = _paused.set(_paused.get() + 1)
    try:
        yield
    finally:
        _paused.reset(token)


entered_pause = _paused.get
"""What of `paused` this context is in, false outside: part of `is_paused`, without a frame, for what runs often."""


def is_paused() -> bool:
    """Say whether automatic recording is paused in this context."""
    return _paused.get() > 0
