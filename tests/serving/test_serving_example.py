"""The example trains, serves and watches a model."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "serve_model.py"


@pytest.mark.slow
def test_the_example_finds_the_column_that_moved(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)],
        cwd=tmp_path,
        env={**os.environ, "AUTOTRACK_LOG_SYSTEM_METRICS": "0"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "as in training: [50, 50, 50] of each kind" in done.stdout
    assert re.search(r"petal length \(cm\) .* major", done.stdout)
    assert re.search(r"sepal width \(cm\) .* stable", done.stdout)
