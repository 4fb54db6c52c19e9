"""Have the pickles of estimators converted into skops files by a process beside the user's, within bounds.

Not in a thread: importing skops imports all of scikit-learn and every array library that there is, torch among them,
and changes the warning filters of the whole process for a while. What exceeds a bound stays a pickle, with the reason.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from autotrack.errors import MissingDependencyError, UnsupportedValueError
from autotrack.helper_process import HelperProcess
from autotrack.models.snapshot import Snapshot
from autotrack.recording import current_recorder

LARGEST = 32_000_000
"""Bytes of the largest pickle to convert. A megabyte of arrays takes 40 ms of processor time, of trees up to 2 s."""
MOST_WAITING = 100
"""How many models may wait for their conversion; a loop of short fits makes them faster than they are converted."""
SHARE = 0.6
"""The part of the time that the end of the process may take which conversions get; delivery needs the rest."""
PACKAGES = frozenset({*sys.stdlib_module_names, "numpy", "scipy", "sklearn", "lightgbm", "xgboost"})
"""Where parts of a model may come from. Others would be refused, but only after an import that may run any code."""
GIVEN_UP = "there was no time to convert it: the program ended, or its runs were read"

_forked = False
_making = threading.Lock()


class Converter:
    """Converts models one after the other, in a process that starts with the first one and ends when it is idle."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._planned = 0
        self._waiting: set[int] = set()
        self._asking = False
        self._stopped = False
        self._helper: HelperProcess | None = None

    def plan(self, snapshot: Snapshot) -> Conversion:
        """Decide about a model, on the thread that trains it."""
        with self._changed:
            obstacle = self._obstacle(snapshot)
            self._planned += 1
            if obstacle is None:
                self._waiting.add(self._planned)
            return Conversion(self, obstacle, self._planned)

    def _obstacle(self, snapshot: Snapshot) -> str | None:
        foreign = sorted({module for module in snapshot.modules if module.partition(".")[0] not in PACKAGES})
        if foreign:
            return f"skops would have to build parts of {', '.join(foreign)}"
        if snapshot.size > LARGEST:
            return f"it takes {snapshot.size / 1e6:.0f} MB, and models up to {LARGEST / 1e6:.0f} MB are converted"
        if _forked:
            return "models of forked processes are not converted"
        if len(self._waiting) >= MOST_WAITING:
            return f"{MOST_WAITING} others waited for their conversion already"
        return GIVEN_UP if self._stopped else None

    def convert(self, number: int, source: Path, path: Path) -> tuple[str, ...]:
        """Do what `skops_file.convert_file` does, elsewhere; meant for the worker's thread.

        Args:
            number: Of the conversion, in the order of planning.
            source: The pickle.
            path: The file to write.

        Raises:
            UnsupportedValueError: It cannot be converted, or there is no time for it any more.
            MissingDependencyError: skops is not installed.
        """
        if self._is_given_up(number):
            raise UnsupportedValueError(GIVEN_UP)
        if find_spec("skops") is None:
            raise MissingDependencyError("skops", "sklearn")
        try:
            reply = self._ask(number, (str(source), str(path)))
        except OSError as error:
            reason = GIVEN_UP if self._is_given_up(number) else f"its conversion failed: {error}"
            raise UnsupportedValueError(reason) from error
        if "obstacle" in reply:
            raise UnsupportedValueError(reply["obstacle"])
        return tuple(reply["needed"])

    def _ask(self, number: int, request: tuple[str, str]) -> dict[str, Any]:
        helper = self._open(number)
        try:
            reply: dict[str, Any] = helper.ask(request)
        finally:
            with self._changed:
                self._asking = False
                self._changed.notify_all()
        return reply

    def _open(self, number: int) -> HelperProcess:
        """Return the process, about to be asked; the lock, which trainings take, is not held while it starts."""
        if self._helper is not None and not self._helper.alive:
            self._close()
        helper = self._helper or HelperProcess("autotrack.models.skops_process:answer")
        with self._changed:
            self._helper = helper
            self._asking = True
            if self._is_given_up(number):
                helper.kill()
        return helper

    def _is_given_up(self, number: int) -> bool:
        return self._stopped or number not in self._waiting

    def done(self, number: int) -> None:
        """Wait for a planned conversion no longer."""
        with self._changed:
            self._waiting.discard(number)
            self._changed.notify_all()

    def hurry(self, timeout: float) -> None:
        """Let what is planned be converted within `timeout` seconds; the models that are left stay pickles."""
        with self._changed:
            planned = set(self._waiting)
            if not self._changed.wait_for(lambda: not planned & self._waiting, timeout):
                self._waiting -= planned
                self._interrupt()

    def stop(self, timeout: float) -> None:
        """The same in a part of the time in which the program ends, and for good."""
        self.hurry(timeout * SHARE)
        with self._changed:
            self._stopped = True
            self._interrupt()
        self._close()

    def _interrupt(self) -> None:
        if self._helper is not None:
            self._helper.kill()
        self._changed.wait_for(lambda: not self._asking)

    def _close(self) -> None:
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.close()


class Conversion:
    """What was decided about one model.

    Args:
        converter: Who converts it.
        obstacle: Why it is not converted.
        number: Of the conversion, in the order of planning.
    """

    def __init__(self, converter: Converter, obstacle: str | None, number: int) -> None:
        self._converter = converter
        self._obstacle = obstacle
        self._number = number
        self._planned_by = threading.get_ident()

    def run(self, snapshot: Snapshot) -> tuple[Snapshot, str]:
        """Return the snapshot that stays, and why it is of that format; meant for the worker's thread."""
        if self._obstacle is not None:
            return snapshot, self._obstacle
        from autotrack.models.formats import make_safe  # knows all flavors: no import for a thread that trains

        try:
            if threading.get_ident() == self._planned_by:  # no thread can start any more: the program would wait
                return snapshot, GIVEN_UP
            return make_safe(snapshot, partial(self._converter.convert, self._number))
        finally:
            self._converter.done(self._number)


def current_converter() -> Converter:
    """Return the converter of this process's recorder; the first call makes it."""
    recorder = current_recorder()
    with _making:
        if recorder.conversions is None:
            recorder.conversions = Converter()
    assert isinstance(recorder.conversions, Converter)  # noqa: S101 - there is no other
    return recorder.conversions


def _after_fork_in_child() -> None:
    global _forked, _making
    _forked, _making = True, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
