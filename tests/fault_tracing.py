"""Raise at lines of ours that run on the user's thread, once each, and say what the user's program noticed."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from autotrack import active
from autotrack.active import active_run
from autotrack.patching import nesting

Place = tuple[str, int]
CANNOT_RAISE = ("try:", "return\n", "return None\n", "with shielded(", '"""')
"""Beginnings of lines that do nothing which could fail; entering a shield is one."""


class InjectedError(RuntimeError):
    """The error we plant."""


class FaultTracer:
    """Runs a program again and again, with a fault at another line each time.

    Args:
        program: What a user does; it starts from the same state each time, and returns what the user gets.
        folders: Lines of files below these are ours.
        except_for: A file below them whose lines are not. The outermost wrappers, functions named `autotrack_…`, hold
            nothing but the library's call and guarded calls of ours; their lines are left out, too.
    """

    def __init__(self, program: Callable[[], Any], folders: tuple[str, ...], except_for: str = "") -> None:
        self._program = program
        self._folders = folders
        self._except_for = except_for

    def inject(self, every: int) -> None:
        """Plant a fault at every so-many-th line, and fail if the program noticed one of them."""
        expected = self._program()
        self._program()
        places = self._executed_lines()
        assert len(places) > 200
        found = {place: self._noticed(place, expected) for place in places[::every]}
        lines = {place: linecache.getline(*place).strip() for place in found}
        broken = [f"{place[0]}:{place[1]} {lines[place]}: {what}" for place, what in found.items() if what]
        assert not broken, f"{len(broken)} of {len(found)}:\n" + "\n".join(broken)

    def _noticed(self, place: Place, expected: Any) -> str:
        try:
            outcome = self._run_with_a_fault_at(place)
        except BaseException as error:  # noqa: BLE001 - whatever reaches the user is the finding
            outcome = repr(error)
        what = "" if outcome == expected else _difference(expected, outcome)[:300]
        if nesting.active_call() is not None or active_run() is not None:
            what += f" left active: {nesting.active_call()} {active_run()}"
            nesting._active.set(None)  # so that one fault is found once
            active._stack.set(())
        return what

    def _executed_lines(self) -> list[Place]:
        """Return the lines of ours that the program runs on this thread, in the order of their first time."""
        seen: dict[Place, None] = {}
        self._trace(seen.setdefault)
        return [place for place in seen if not linecache.getline(*place).lstrip().startswith(CANNOT_RAISE)]

    def _run_with_a_fault_at(self, fault: Place) -> Any:
        """Run the program; raise once, the first time the line is reached."""

        def reached(place: Place) -> None:
            if place == fault:
                sys.settrace(None)
                raise InjectedError(f"{place[0]}:{place[1]}")

        return self._trace(reached)

    def _trace(self, reached: Callable[[Place], object]) -> Any:
        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            if not self._is_ours(frame):
                return None if event == "call" else trace
            if event == "line":
                reached((frame.f_code.co_filename, frame.f_lineno))
            return trace

        sys.settrace(trace)
        try:
            return self._program()
        finally:
            sys.settrace(None)

    def _is_ours(self, frame: FrameType) -> bool:
        file, function = frame.f_code.co_filename, frame.f_code.co_name
        return file.startswith(self._folders) and file != self._except_for and not function.startswith("autotrack_")


def _difference(expected: Any, outcome: Any) -> str:
    """Say what the user got that is not the same."""
    if not isinstance(outcome, dict) or not isinstance(expected, dict):
        return repr(outcome)
    return ", ".join(f"{key}: {outcome[key]!r}" for key in expected if outcome[key] != expected[key])
