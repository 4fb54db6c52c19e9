"""Raise at every line of ours that runs on the user's thread, once each: the user's program must not notice.

A line counts as ours if it stands in autotrack/ or integrations/. Left out are only the lines of the outermost wrappers
(functions named `autotrack_…`, which hold nothing but the library's call and guarded calls of ours), the guard itself
(shield.py, which sets two attributes and compares a type) and lines that do nothing that could fail, such as `try:`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fault_tracing import FaultTracer

import autotrack

ROOT = Path(autotrack.__file__).parent
OURS = (str(ROOT), str((ROOT / "integrations").resolve()))
SHIELD = str(ROOT / "shield.py")


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


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AUTOTRACK_TESTING", "0")
    store = f"memory://{os.urandom(4).hex()}"
    autotrack.enable(to=store, log_system_metrics=False, capture=[], log_level="error", safe_models=True)
    yield
    autotrack.disable()


TRACER = FaultTracer(lambda: fresh(program), OURS, except_for=SHIELD)


@pytest.fixture
def bare() -> dict[str, Any]:
    return fresh(program)


def test_a_fault_at_some_lines_is_never_seen(bare: dict[str, Any], tracked: None) -> None:
    assert fresh(program) == bare
    TRACER.inject(every=23)


@pytest.mark.slow
def test_a_fault_at_any_line_is_never_seen(bare: dict[str, Any], tracked: None) -> None:
    assert fresh(program) == bare
    TRACER.inject(every=1)
