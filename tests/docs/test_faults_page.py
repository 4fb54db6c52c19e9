"""The page of faults names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_is_named_exists() -> None:
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    sources = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "autotrack" / "contracts").glob("*.py")]
    there = {name for path in sources for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))}
    named = re.findall(r"`(test_\w+)`", page)
    assert len(named) > 100
    assert sorted(set(named) - there) == []


def test_every_fault_is_there() -> None:
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    numbers = [*range(1, 15), *range(20, 37), *range(40, 56), *range(60, 76)]
    assert re.findall(r"^\| R(\d\d) \|", page, re.MULTILINE) == [f"{number:02}" for number in numbers]
