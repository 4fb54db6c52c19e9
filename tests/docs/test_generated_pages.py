"""The generated pages of the documentation say what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_settings_page_is_current() -> None:
    generator = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == generator["settings_page"](), "run: python docs/generate.py"
