"""Raise at every line of ours that runs on the user's thread, once each: the user's program must not notice.

A line counts as ours if it stands in autotrack/ or integrations/. Left out are only the lines of the outermost wrappers
(functions named `autotrack_…`, which hold nothing but the library's call and guarded calls of ours), the guard itself
(shield.py, which sets two attributes and compares a type) and lines that do nothing that could fail, such as `try:`.
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import autotrack
from autotrack import active
from autotrack.active import active_run
from autotrack.patching import nesting

ROOT = Path(autotrack.__file__).parent
OURS = (str(ROOT), str((ROOT / "integrations").resolve()))
SHIELD = str(ROOT / "shield.py")
Place = tuple[str, int]
CANNOT_RAISE = ("try:", "return\n", "return None\n", "with shielded(")
"""Beginnings of lines that do nothing which could fail; entering a shield is one."""


class InjectedError(RuntimeError):
    """The error we plant."""


def program() -> dict[str, Any]:
    """Do what a user does in a short session; return what the user gets."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=50)).fit(X[::2], y[::2])
    predicted = model.predict(X[1::2])
    found = {"coefficients": model[-1].coef_.tobytes(), "score": model.score(X[1::2], y[1::2])}
    found["accuracy"] = accuracy_score(y[1::2], predicted)
    try:
        LogisticRegression().fit(X, y[:3])
    except ValueError as error:
        found["error"] = (str(error), error.__context__, error.__cause__)
    found["random"] = float(np.random.random())
    return found


def fresh(function: Callable[[], Any]) -> Any:
    np.random.seed(3)
    return function()


def ours(frame: FrameType) -> bool:
    code = frame.f_code
    return (
        code.co_filename.startswith(OURS) and code.co_filename != SHIELD and not code.co_name.startswith("autotrack_")
    )


def executed_lines() -> list[Place]:
    """Return the lines of ours that the program runs on this thread, in the order of their first time."""
    seen: dict[Place, None] = {}

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if not ours(frame):
            return None if event == "call" else trace
        if event == "line":
            seen.setdefault((frame.f_code.co_filename, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        fresh(program)
    finally:
        sys.settrace(None)
    return [place for place in seen if not linecache.getline(*place).lstrip().startswith(CANNOT_RAISE)]


def run_with_a_fault_at(place: Place) -> Any:
    """Run the program; raise once, the first time the line is reached."""

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if not ours(frame):
            return None if event == "call" else trace
        if event == "line" and (frame.f_code.co_filename, frame.f_lineno) == place:
            sys.settrace(None)
            raise InjectedError(f"{place[0]}:{place[1]}")
        return trace

    sys.settrace(trace)
    try:
        return fresh(program)
    finally:
        sys.settrace(None)


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AUTOTRACK_TESTING", "0")
    autotrack.enable(to=f"memory://{os.urandom(4).hex()}", log_system_metrics=False, capture=[], log_level="error")
    yield
    autotrack.disable()


def inject(every: int) -> None:
    expected = fresh(program)
    fresh(program)
    places = executed_lines()
    assert len(places) > 200
    broken = []
    for place in places[::every]:
        try:
            outcome = run_with_a_fault_at(place)
        except BaseException as error:  # noqa: BLE001 - whatever reaches the user is the finding
            outcome = repr(error)
        what = difference(expected, outcome)
        if nesting.active_call() is not None or active_run() is not None:
            what += f" left active: {nesting.active_call()} {active_run()}"
            reset()
        if what:
            broken.append(f"{place[0]}:{place[1]} {linecache.getline(*place).strip()}: {what}"[:300])
    assert not broken, f"{len(broken)} of {len(places[::every])}:\n" + "\n".join(broken)


def reset() -> None:
    """Clean up, so that one fault is found once."""
    nesting._active.set(None)
    active._stack.set(())


def difference(expected: dict[str, Any], outcome: Any) -> str:
    """Say what the user got that is not the same."""
    if not isinstance(outcome, dict):
        return repr(outcome)
    return ", ".join(f"{key}: {outcome[key]!r}" for key in expected if outcome[key] != expected[key])


@pytest.fixture
def bare() -> dict[str, Any]:
    return fresh(program)


def test_a_fault_at_some_lines_is_never_seen(bare: dict[str, Any], tracked: None) -> None:
    assert fresh(program) == bare
    inject(every=23)


@pytest.mark.slow
def test_a_fault_at_any_line_is_never_seen(bare: dict[str, Any], tracked: None) -> None:
    assert fresh(program) == bare
    inject(every=1)
