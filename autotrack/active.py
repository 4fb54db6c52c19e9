"""Which run is active where: a stack per thread and per asyncio task, so that concurrent trainings never mix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from autotrack.recording import open_recorder
from autotrack.run import Run

_stack: ContextVar[tuple[Run, ...]] = ContextVar("autotrack_runs", default=())
_paused: ContextVar[int] = ContextVar("autotrack_paused", default=0)


def active_run() -> Run | None:
    """Return the innermost run of this context that has not ended."""
    for run in reversed(_stack.get()):
        if run.status is None:
            return run
    return None


def push(run: Run) -> None:
    """Make a run the active one of this context."""
    _stack.set((*_stack.get(), run))
    recorder = open_recorder()
    if recorder is not None:
        recorder.runs[run.id] = run


def pop(run: Run) -> None:
    """Take a run off the stack, wherever on it it stands."""
    _stack.set(tuple(other for other in _stack.get() if other is not run))


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


def is_paused() -> bool:
    """Say whether automatic recording is paused in this context."""
    return _paused.get() > 0
