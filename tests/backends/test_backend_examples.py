"""The examples that go with backends and imports run as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_programs import run_example


@pytest.mark.slow
@pytest.mark.parametrize(
    ("example", "said"),
    [
        ("tensorboard_logs.py", "pictures evaluation/test_confusion_matrix"),
        ("import_mlflow.py", "from MLflow: finished, C=0.5, loss=0.333"),
    ],
)
def test_an_example_runs(example: str, said: str, tmp_path: Path) -> None:
    assert said in run_example(example, tmp_path, PYTHONWARNINGS="ignore")
