"""Programs in the style of the libraries' guides print the same under `autotrack run`, and every training is a run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import autotrack

PROGRAMS = Path(__file__).resolve().parents[1] / "compat" / "boosting"
ROOTS = {"with_xgboost.py": 14, "with_lightgbm.py": 12, "with_catboost.py": 10}
pytestmark = pytest.mark.slow


def output(command: list[str], program: str) -> str:
    result = subprocess.run(
        [*command, str(PROGRAMS / program)],
        env={**os.environ, "AUTOTRACK_QUIET": "1", "AUTOTRACK_EXIT_TIMEOUT": "60", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return re.sub(r"[0-9.]+ seconds", "… seconds", result.stdout)  # LightGBM times itself


@pytest.mark.parametrize("program", ROOTS)
def test_the_program_prints_the_same(program: str) -> None:
    Path("pyproject.toml").write_text("[tool.autotrack]\ncapture = []\nlog_system_metrics = false\n")
    bare = output([sys.executable], program)
    assert output([sys.executable, "-m", "autotrack", "run"], program) == bare
    runs = [run for run in autotrack.search_runs() if run.parent_id is None]
    assert {run.status for run in runs} == {"finished"}
    assert len(runs) == ROOTS[program], sorted(run.name for run in runs)
