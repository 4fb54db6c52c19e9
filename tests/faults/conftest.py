"""What the tests of faults share: a program in a process and a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Protocol

import pytest

ONLY_WITH_MOUNTS = ["unshare", "--mount", "--propagation", "private"]


class RunProgram(Protocol):
    """Runs source text as a program; see `run_program`."""

    def __call__(
        self, code: str, *, prefix: tuple[str, ...] = (), **variables: str
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def run_program(tmp_path: Path) -> RunProgram:
    """Run a program in the test's directory; `prefix` is the command that starts Python."""

    def run(code: str, *, prefix: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "program.py").write_text(textwrap.dedent(code))
        return subprocess.run(
            [*prefix, sys.executable, "program.py"],
            cwd=tmp_path,
            env={**os.environ, "AUTOTRACK_TESTING": "0", **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def private_mounts() -> tuple[str, ...]:
    """Return the command that gives a program mounts of its own, which go with it; skip where that is not allowed."""
    try:
        done = subprocess.run([*ONLY_WITH_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False)
    except FileNotFoundError:
        pytest.skip("there is no `unshare` here")
    if done.returncode:
        pytest.skip("only root may mount")
    return tuple(ONLY_WITH_MOUNTS)
