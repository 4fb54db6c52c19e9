"""Which run is active where: a stack per thread and per asyncio task, so that concurrent trainings never mix.

A thread starts with an empty stack, but for one that the objective of a study starts: it works for the trial.
"""

from __future__ import annotations

import threading
import weakref
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


class _Pause:
    """A block that is not recorded, and the one it stands in; true as long as one of them lasts."""

    __slots__ = ("__weakref__", "outer", "over")

    def __init__(self, outer: _Pause | None) -> None:
        self.outer = outer
        self.over = False

    def __bool__(self) -> bool:
        return not self.over or bool(self.outer)


_stack: ContextVar[tuple[Run | Prospect, ...]] = ContextVar("autotrack_runs", default=())
_inherited: weakref.WeakKeyDictionary[threading.Thread, tuple[Run | Prospect, ...]] = weakref.WeakKeyDictionary()
_paused: ContextVar[_Pause | None] = ContextVar("autotrack_paused", default=None)
_paused_threads: weakref.WeakKeyDictionary[threading.Thread, _Pause] = weakref.WeakKeyDictionary()


def active_run() -> Run | None:
    """Return the innermost run of this context that has not ended."""
    for entry in reversed(_entries()):
        run = entry if isinstance(entry, Run) else entry.open()
        if run is not None and run.status is None:
            return run
    return None


def _entries() -> tuple[Run | Prospect, ...]:
    own = _stack.get()
    if own or not _inherited.data:  # type: ignore[attr-defined] # a dict: this runs with every training
        return own
    return _inherited.get(threading.current_thread(), ())


def inherit(thread: threading.Thread) -> None:
    """Let a thread that is about to start find the runs that are active here."""
    _inherited[thread] = _entries()


def inherit_pause(thread: threading.Thread) -> None:
    """Let a pause of this context hold for a thread that is about to start, as long as it lasts here."""
    pause = _pause()
    if pause is not None:
        _paused_threads[thread] = pause


def push(run: Run | Prospect) -> None:
    """Make a run the active one of this context."""
    _stack.set((*_entries(), run))
    if isinstance(run, Run):
        end_with_process(run)


def end_with_process(run: Run) -> None:
    """Have a run that is still open at the end of the process end with it."""
    recorder = open_recorder()
    if recorder is not None:
        recorder.runs[run.id] = run


def pop(run: Run | Prospect) -> None:
    """Take a run off the stack, wherever on it it stands."""
    _stack.set(tuple(other for other in _entries() if other is not run))


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
    """Record nothing by itself inside the block, nor in threads that it starts; blocks may be nested, in any context.

    Example:
        >>> import autotrack
        >>> with autotrack.paused():
        ...     pass  # a fit here is not recorded
    """
    pause = _Pause(_pause())
    token = _paused.set(pause)
    try:
        yield
    finally:
        pause.over = True
        _paused.reset(token)


entered_pause = _paused.get
"""What of `paused` this context is in, false outside: part of `is_paused`, without a frame, for what runs often."""


def is_paused() -> bool:
    """Say whether automatic recording is paused in this context."""
    return bool(_pause())


def _pause() -> _Pause | None:
    own = _paused.get()
    if own is not None or not _paused_threads.data:  # type: ignore[attr-defined] # a dict: this runs in every step
        return own
    return _paused_threads.get(threading.current_thread())
