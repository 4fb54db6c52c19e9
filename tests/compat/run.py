"""Run other people's tests bare and tracked, and compare the outcome of every single one.

    python tests/compat/run.py sklearn.linear_model sklearn.ensemble [-k EXPRESSION] [--workers 2]
    python tests/compat/run.py DIR/tests/test_callback.py [--root DIR]

Tests are named by package, or by file or folder where a project does not ship them; `--root` is then the checkout they
belong to, from which they are named.
Exit status 0: every test ended the same way in both. Each difference is run again alone, both ways, before it counts:
timing and order make a few tests of any large suite fail now and then.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
SITE = Path(sysconfig.get_path("purelib"))


def main() -> int:
    """Compare; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="+")
    parser.add_argument("-k", dest="expression", default="")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--root", type=Path, default=SITE)
    options = parser.parse_args()
    root = options.root.resolve()
    named = [str(Path(name).resolve()) if Path(name).exists() else name for name in options.packages]
    selection = ["--pyargs", *named, *(["-k", options.expression] if options.expression else [])]
    bare, tracked = (outcomes([*selection, "-n", options.workers], root, track=track) for track in (False, True))
    differing = sorted(name for name in bare.keys() | tracked.keys() if bare.get(name) != tracked.get(name))
    real = [name for name in differing if differs_alone(name, root)]
    passed = sum(outcome == "passed" for outcome in tracked.values())
    print(f"{len(bare)} tests bare, {len(tracked)} tracked, {passed} passed; {len(real)} end differently")
    for name in real:
        print(f"  {name}: {bare.get(name)} bare, {tracked.get(name)} tracked")
    return 1 if real or not tracked else 0


def differs_alone(name: str, root: Path) -> bool:
    """Run one test alone both ways."""
    selection = [str(root / name)]
    return outcomes(selection, root, track=False) != outcomes(selection, root, track=True)


def outcomes(arguments: list[str], root: Path, *, track: bool) -> dict[str, str]:
    """Run pytest in a process and an empty directory of its own; return how each test of `root` ended."""
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "outcomes.json"
        environment = {
            **os.environ,
            "OUTCOMES_FILE": str(target),
            "OUTCOMES_TRACK": "1" if track else "0",
            "PYTHONPATH": os.pathsep.join([str(HERE), str(CHECKOUT)]),
            "AUTOTRACK_TESTING": "1",
        }
        options = [
            "-q",
            "-p",
            "outcomes",
            "-p",
            "no:cacheprovider",
            "--tb=short",
            f"--rootdir={root}",
            "-c",
            os.devnull,
        ]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *arguments],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stdout[-600 if track else -200 :])
        return json.loads(target.read_text()) if target.exists() else {}


if __name__ == "__main__":
    sys.exit(main())
