"""The differential oracle: run a program bare and tracked, in processes of their own, and compare all it can notice.

    python tests/oracle.py PROGRAM.py …

A program is a Python file. What it leaves in its globals is compared by pickle (or by `repr`, where a value cannot be
pickled), and with it: stdout and stderr, warnings, the exception it ends with and its traceback, where the random
streams of `random`, numpy and torch stand, how often `next` was called on what `counted` wraps, the attributes of
library classes after `disable()`, open files and threads. Exit status 0: no program could tell the difference.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

WITNESS = Path(__file__).with_name("oracle_witness.py")


def observe(program: Path, *, track: bool) -> dict[str, object]:
    """Run a program; return everything observed of it, by name.

    Raises:
        RuntimeError: The witness itself failed.
    """
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        work = Path(directory) / "work"
        work.mkdir()
        done = subprocess.run(
            [sys.executable, str(WITNESS), str(program.resolve()), str(report), str(int(track))],
            cwd=work,
            env={
                **os.environ,
                "PYTHONHASHSEED": "0",
                "AUTOTRACK_TESTING": "0",
                "AUTOTRACK_SAFE_MODELS": "1",
                "AUTOTRACK_EXIT_TIMEOUT": "60",
            },
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode or not report.exists():
            raise RuntimeError(f"the witness of {program} failed ({done.returncode}):\n{done.stderr[-3000:]}")
        found: dict[str, object] = json.loads(report.read_text())
    return found | {"stdout": done.stdout.replace(directory, ""), "stderr": done.stderr.replace(directory, "")}


def differences(program: Path) -> list[str]:
    """Return what a program can notice of tracking, a line each; a difference that two bare runs show is none."""
    bare, tracked = observe(program, track=False), observe(program, track=True)
    bare.pop("runs")
    if not tracked.pop("runs"):
        return ["nothing was recorded"]
    if bare == tracked:
        return []
    again = observe(program, track=False)
    return [
        f"{key}: bare {bare.get(key)!r}, tracked {tracked.get(key)!r}"[:2000]
        for key in sorted({*bare, *tracked})
        if bare.get(key) != tracked.get(key) and bare.get(key) == again.get(key)
    ]


def main() -> int:
    """Compare the programs named on the command line; return the exit status."""
    failed = 0
    for name in sys.argv[1:]:
        found = differences(Path(name))
        failed += bool(found)
        print(f"{name}: {'the same' if not found else 'different'}", *found, sep="\n  ")  # noqa: T201 - a command
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
