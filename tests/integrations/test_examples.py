"""Every example runs, records what it trains, and prints the same whether autotrack is enabled or not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import autotrack

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*_quickstart.py")))
def test_an_example_runs_and_is_recorded(example: str, tmp_path: Path) -> None:
    library = example.removesuffix("_quickstart.py")
    pytest.importorskip(library)
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / example)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "error::UserWarning"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "finished" in done.stdout
    runs = autotrack.search_runs()
    assert runs
    assert {run.status for run in runs} == {"finished"}
    assert all(run.metrics for run in runs)
