"""The Python in README and docs runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FRAGMENTS = {"architecture.md"}
"""Pages whose code shows shapes, not programs."""


def programs() -> dict[str, list[str]]:
    """Return the blocks of each page, in order: a later one may build on what an earlier one recorded."""
    found = {}
    for page in PAGES:
        if page.name not in FRAGMENTS:
            found[page.name] = re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {name: blocks for name, blocks in found.items() if blocks}


@pytest.mark.parametrize("page", programs())
def test_code_of_the_documentation_runs(page: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONWARNINGS": "error", "AUTOTRACK_LOG_SYSTEM_METRICS": "0"}
    if page == "registry.md":  # it loads what a training has saved
        environment["AUTOTRACK_SAFE_MODELS"] = "1"
    for code in programs()[page]:
        (tmp_path / "program.py").write_text(code)
        done = subprocess.run(
            [sys.executable, "program.py"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "autotrack skipped" not in done.stderr
