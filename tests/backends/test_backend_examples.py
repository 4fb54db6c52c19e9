"""The examples that go with backends and imports run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("example", "said"),
    [
        ("tensorboard_logs.py", "pictures evaluation/test_confusion_matrix"),
        ("import_mlflow.py", "from MLflow: finished, C=0.5, loss=0.333"),
    ],
)
def test_an_example_runs(example: str, said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / example)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
