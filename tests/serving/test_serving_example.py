"""The example trains, serves and watches a model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from example_programs import run_example


@pytest.mark.slow
def test_the_example_finds_the_column_that_moved(tmp_path: Path) -> None:
    said = run_example("serve_model.py", tmp_path, PYTHONWARNINGS="default")
    assert "as in training: [50, 50, 50] of each kind" in said
    assert re.search(r"petal length \(cm\) .* major", said)
    assert re.search(r"sepal width \(cm\) .* stable", said)
