"""What installing a tracker brings along: distributions and megabytes on disk, with all that they ask for.

    python benchmarks/footprint.py

Counted from the metadata of what is installed, without extras; what several trackers share counts for each.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

from trackers import TRACKERS, python_of, version_of


def main() -> None:
    """Print the table, or what this environment knows of one distribution."""
    if len(sys.argv) > 1:
        names = closure(sys.argv[1])
        print(len(names), sum(megabytes(name) for name in names))
        return
    print(f"{'distribution':16}{'version':>10}{'distributions':>16}{'MB':>8}")
    for tracker, kind in TRACKERS.items():
        if not kind.package or not version_of(tracker):
            continue
        command = [python_of(tracker), __file__, kind.package]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        print(f"{kind.package:16}{version_of(tracker):>10}{int(found[0]):16}{float(found[1]):8.1f}")


def closure(name: str) -> set[str]:
    """Return a distribution and all that it needs, as far as they are installed."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: set[str] = set()
    waiting = [(canonicalize_name(name), "")]
    seen = set(waiting)
    while waiting:
        current, extra = waiting.pop()
        try:
            requires = metadata.requires(current) or []
        except metadata.PackageNotFoundError:
            continue
        found.add(current)
        for requirement in map(Requirement, requires):
            if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
                continue
            for wanted in (
                (canonicalize_name(requirement.name), ""),
                *((canonicalize_name(requirement.name), extra) for extra in requirement.extras),
            ):
                if wanted not in seen:
                    seen.add(wanted)
                    waiting.append(wanted)
    return found


def megabytes(name: str) -> float:
    """Return the size of a distribution's files; an editable one is its packages."""
    distribution = metadata.distribution(name)
    files = [Path(str(distribution.locate_file(file))) for file in distribution.files or ()]
    if name == "autotrack" and not any(file.name == "api.py" for file in files):
        home = Path(__file__).resolve().parents[1]
        files = [*(home / "autotrack").rglob("*"), *(home / "integrations").rglob("*")]
    return sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc") / 1e6


if __name__ == "__main__":
    main()
