"""Many trainings in one process grow nothing (R73, R74): the short form of `make soak`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


def soak(*arguments: str) -> None:
    done = subprocess.run([sys.executable, str(SOAK), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_many_trainings_leave_nothing_behind() -> None:
    soak("--fits", "1100", "--every", "500")
