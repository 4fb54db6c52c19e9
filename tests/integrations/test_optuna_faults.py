"""Raise at lines of ours that run on the user's thread around a study: the program must not notice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from fault_tracing import FaultTracer
from sklearn.linear_model import LinearRegression

import autotrack

PACKAGE = Path(autotrack.__file__).parent
FOLDERS = (str(PACKAGE / "integrations" / "optuna"), str((PACKAGE / "integrations").resolve() / "optuna"))
CORE = tuple(str(PACKAGE / part) for part in ("active.py", "patching/call.py", "patching/nesting.py"))


def objective(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", 0, 4)
    model = LinearRegression().fit([[0.0], [x]], [0.0, 1.0])
    trial.report(x, 0)
    if trial.number == 1:
        raise optuna.TrialPruned
    if trial.number == 2:
        raise ArithmeticError("no good")
    return float(x**2 + model.intercept_)


def program() -> dict[str, Any]:
    """Search, with trials of every state; return what the user gets."""
    np.random.seed(3)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1), study_name="same")
    study.optimize(objective, n_trials=4, catch=(ArithmeticError,))
    found: dict[str, Any] = {"trials": [(trial.params, trial.state, trial.values) for trial in study.trials]}
    try:
        study.optimize(lambda trial: 1 / 0, n_trials=1)
    except ZeroDivisionError as error:
        return {**found, "error": (str(error), error.__context__, error.__cause__)}
    return found


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AUTOTRACK_TESTING", "0")
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    autotrack.enable(to=f"memory://{os.urandom(4).hex()}", log_system_metrics=False, capture=[], log_level="error")
    yield
    autotrack.disable()
    optuna.logging.set_verbosity(level)


@pytest.mark.slow
def test_a_fault_at_any_line_is_never_seen(tracked: None) -> None:
    FaultTracer(program, (*FOLDERS, *CORE)).inject(1)
