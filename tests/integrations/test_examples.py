"""Every example runs, records what it trains, and prints the same whether autotrack is enabled or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_programs import EXAMPLES, run_example

import autotrack


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*_quickstart.py")))
def test_an_example_runs_and_is_recorded(example: str, tmp_path: Path) -> None:
    library = example.removesuffix("_quickstart.py")
    pytest.importorskip(library)
    assert "finished" in run_example(example, tmp_path, AUTOTRACK_LOG_SYSTEM_METRICS="1")
    runs = autotrack.search_runs()
    assert runs
    assert {run.status for run in runs} == {"finished"}
    assert all(run.metrics for run in runs)
