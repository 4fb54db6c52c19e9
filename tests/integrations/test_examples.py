"""Every example runs, records what it trains, and prints the same whether autotrack is enabled or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_programs import EXAMPLES, run_example

import autotrack

SLOW = ("pyspark_quickstart.py", "ray_quickstart.py")
"""They start a cluster."""


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(path.name, marks=[pytest.mark.slow] if path.name in SLOW else [])
        for path in sorted(EXAMPLES.glob("*_quickstart.py"))
    ],
)
def test_an_example_runs_and_is_recorded(example: str, tmp_path: Path) -> None:
    library = example.removesuffix("_quickstart.py")
    pytest.importorskip(library)
    assert "finished" in run_example(example, tmp_path, AUTOTRACK_LOG_SYSTEM_METRICS="1")
    runs = autotrack.search_runs()
    assert runs
    assert {run.status for run in runs} == {"finished"}
    assert all(run.metrics for run in runs)
