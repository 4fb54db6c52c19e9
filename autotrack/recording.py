"""The recorder of this process: made by the first run, dropped by a forked child, closed by `disable` or the exit.

There is one at a time. The end of the process, or `disable`, finishes open runs and gives delivery a bounded time.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from autotrack import shield
from autotrack.journal import Journal
from autotrack.recorder import Recorder
from autotrack.run_journal import abandon_all_after_fork
from autotrack.settings import Settings, resolve

if TYPE_CHECKING:
    from autotrack.run import Run

_lock = threading.RLock()
_settings: Settings | None = None
_recorder: Recorder | None = None
_left_open: dict[str, Run] = {}
"""Runs that were open when their recorder was closed: the next one takes them over, at the latest at exit."""


def configure(settings: Settings) -> None:
    """Set how runs that start from now on are recorded; an open recorder with other settings is closed first."""
    global _settings
    with _lock:
        if _recorder is not None and _recorder.settings != settings:
            close_recorder()
        _settings = settings
        shield.be_strict(strict=settings.strict or settings.testing)


def current_settings() -> Settings:
    """Return the settings in force: those of `enable`, else what variables and pyproject.toml say."""
    with _lock:
        return _settings if _settings is not None else resolve().settings


def current_recorder() -> Recorder:
    """Return the recorder of this process; the first call makes it."""
    global _recorder
    if _recorder is None:
        with _lock:
            if _recorder is None:
                _recorder = Recorder(current_settings())
                _recorder.runs.update(_left_open)
                _left_open.clear()
                atexit.register(_at_exit)
    return _recorder


def open_recorder() -> Recorder | None:
    """Return the recorder if there is one, without making it."""
    return _recorder


def close_recorder(timeout: float | None = None) -> bool:
    """Close the recorder, if there is one; say whether everything was delivered."""
    global _recorder
    recorder = _recorder
    if recorder is None:
        return True
    limit = recorder.settings.exit_timeout if timeout is None else timeout
    deadline = time.monotonic() + limit
    recorder.finish(limit)  # while it is in place: background jobs still log, and would open another one
    with _lock:
        if _recorder is not recorder:  # another thread has closed it meanwhile
            return True
        _recorder = None
        _left_open.update({run.id: run for run in recorder.runs.values() if run.status is None})
    if not _left_open:
        atexit.unregister(_at_exit)
    return recorder.close(max(0.0, deadline - time.monotonic()))


def forget_settings() -> None:
    """Go back to the settings of variables and pyproject.toml."""
    global _settings
    with _lock:
        _settings = None
        shield.be_strict(strict=False)


def _at_exit() -> None:
    if _left_open:
        current_recorder()
    recorder = _recorder
    if recorder is None:
        return
    for run in list(recorder.runs.values()):
        run.end_with(_fatal_error())
    if not close_recorder():
        where = ", ".join(recorder.delivery.targets)
        message = f"autotrack: records for {where} wait in {recorder.home.journals}; `autotrack sync` delivers them"
        print(message, file=sys.stderr)  # noqa: T201 - logging may be gone at this point
    if type(_fatal_error()) is KeyboardInterrupt:
        _be_interrupted_again()


def _be_interrupted_again() -> None:
    """Have the interpreter exit as it does after Ctrl-C, by the signal, so that shells and schedulers stop as well.

    CPython keeps in a variable that text it ran (here: the program) ended with KeyboardInterrupt, and forgets it with
    the next text that is run; libraries that we import run some, such as every named tuple.
    """
    with contextlib.suppress(KeyboardInterrupt):
        exec("raise KeyboardInterrupt")  # noqa: S102 - the text has to be one; nothing of the user's is in it


def _fatal_error() -> BaseException | None:
    """Return the exception that the process ends with; an interactive session keeps those it has survived."""
    error = getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) and not hasattr(sys, "ps1") else None


def open_journal(run_id: str) -> Journal:
    """Open a new journal of a run, on whatever recorder there is.

    Raises:
        OSError: The disk is full or gone.
    """
    return current_recorder().open_journal(run_id)


def _after_fork_in_child() -> None:
    global _recorder, _lock
    _lock = threading.RLock()
    recorder, _recorder = _recorder, None
    _left_open.clear()  # they are the parent's
    if recorder is not None:
        atexit.unregister(_at_exit)
        recorder.abandon_after_fork()
    abandon_all_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
