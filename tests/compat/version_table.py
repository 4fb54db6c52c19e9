"""Make the table of docs/compatibility.md from what the sessions of noxfile.py left in build/compat/.

    python tests/compat/version_table.py

Sessions that were not run keep their line.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "compat"
PAGE = ROOT / "docs" / "compatibility.md"
HEAD = "| framework | version | Python | tests passed | skipped | failed |\n|---|---|---|---|---|---|\n"


def main() -> None:
    """Write the page anew."""
    page = PAGE.read_text(encoding="utf-8")
    before, rows, after = _parts(page)
    for report in sorted(RESULTS.glob("*.xml")):
        known = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))
        rows[known["name"]] = row(known["name"], known["version"], known["python"], report)
    if not rows:
        sys.exit(f"nothing in {RESULTS}; run `make compat` first")
    body = "".join(f"{line}\n" for _, line in sorted(rows.items()))
    PAGE.write_text(f"{before}{HEAD}{body}{after}", encoding="utf-8")


def row(name: str, version: str, python: str, report: Path) -> str:
    """Return the line of one session."""
    suite = next(ET.parse(report).getroot().iter("testsuite"))
    counts = {key: int(suite.get(key, 0)) for key in ("tests", "skipped", "failures", "errors")}
    failed = counts["failures"] + counts["errors"]
    passed = counts["tests"] - counts["skipped"] - failed
    return f"| {name} | {version} | {python} | {passed} | {counts['skipped']} | {failed} |"


def _parts(page: str) -> tuple[str, dict[str, str], str]:
    """Split the page into what is before the table, its lines by the name of the session, and what is behind it."""
    start = page.index(HEAD)
    lines = page[start + len(HEAD) :].splitlines(keepends=True)
    count = next((at for at, line in enumerate(lines) if not line.startswith("|")), len(lines))
    found = (re.match(r"\| (\S+) ", line) for line in lines[:count])
    rows = {match[1]: line.rstrip("\n") for match, line in zip(found, lines, strict=False) if match}
    return page[:start], rows, "".join(lines[count:])


if __name__ == "__main__":
    main()
