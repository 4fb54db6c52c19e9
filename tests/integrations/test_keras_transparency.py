"""A program that uses Keras gets the same weights, losses, random numbers and warnings, tracked or not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[1] / "compat" / "keras_program.py"


def outcome(backend: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *arguments],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "torch", "jax"])
def test_nothing_changes(backend: str) -> None:
    pytest.importorskip(backend)
    bare, tracked = outcome(backend), outcome(backend, "tracked")
    assert tracked["found"] == bare["found"]
    assert [status for status, *_ in tracked["runs"]] == ["finished"] * 4 + ["failed"]
    for _, used, metrics, models, _ in tracked["runs"][:4]:
        assert used == backend
        assert {"loss", "learning_rate", "autotrack.overhead_seconds"} <= set(metrics)
        assert models == ["model"]
    assert ("validation_roc_auc" in tracked["runs"][0][2]) == (backend != "jax")  # where a pass would be compiled first
    assert "test_roc_auc" in tracked["runs"][0][2]  # there from what the program predicted itself
