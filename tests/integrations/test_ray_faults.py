"""Raise at lines of ours that run on the user's thread around a training by Ray: the program must not notice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fault_tracing import FaultTracer
from ray import train
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

import autotrack

PACKAGE = Path(autotrack.__file__).parent
FOLDERS = (str(PACKAGE / "integrations" / "ray"), str((PACKAGE / "integrations").resolve() / "ray"))
CORE = tuple(str(PACKAGE / part) for part in ("active.py", "run.py", "run_journal.py", "patching", "values.py"))


def loop(config: dict[str, Any]) -> float:
    x = 1.0
    for step in range(3):
        x += np.random.normal()
        train.report({"x": x, "step": step})
        if config["fails"]:
            raise ArithmeticError("no good")
    return x


def fit(*, fails: bool) -> Any:
    return DataParallelTrainer(
        loop, train_loop_config={"fails": fails}, scaling_config=train.ScalingConfig(num_workers=0)
    ).fit()


def program() -> dict[str, Any]:
    """Train twice; return what the user gets."""
    np.random.seed(3)
    found: dict[str, Any] = {"result": fit(fails=False).metrics}
    try:
        fit(fails=True)
    except ArithmeticError as error:
        return {**found, "error": (str(error), error.__context__, error.__cause__)}
    return found


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AUTOTRACK_TESTING", "0")
    autotrack.enable(to=f"memory://{os.urandom(4).hex()}", log_system_metrics=False, capture=[], log_level="error")
    yield
    autotrack.disable()


@pytest.mark.slow
def test_a_fault_at_any_line_is_never_seen(tracked: None) -> None:
    FaultTracer(program, (*FOLDERS, *CORE)).inject(1)
