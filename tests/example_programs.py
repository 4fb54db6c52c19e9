"""Run an example as a user does: a new process, an empty folder, the example as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run_example(name: str, folder: Path, **variables: str) -> str:
    """Return what an example printed, which must have succeeded without a warning to the user.

    Args:
        name: Of the file in `examples/`.
        folder: Where to run it.
        **variables: Of the environment, beside those of the tests.
    """
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        cwd=folder,
        env={**os.environ, "PYTHONWARNINGS": "error::UserWarning", "AUTOTRACK_LOG_SYSTEM_METRICS": "0", **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
