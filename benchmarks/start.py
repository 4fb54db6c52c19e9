"""What it costs the program's own thread to learn where a run came from: at `enable()`, at a run's start, at a print.

Each figure is the median of `--rounds` fresh processes, in a git repository with an uncommitted change; with capture
and without, in turn. It is the thread's processor time, which a busy machine changes least; `wall` is beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """
import io, json, sys, time
import autotrack
capture = json.loads(sys.argv[1])
found = {}

class measured:
    def __init__(self, name): self.name = name
    def __enter__(self): self.wall, self.cpu = time.perf_counter(), time.thread_time()
    def __exit__(self, *_):
        cpu, wall = time.thread_time() - self.cpu, time.perf_counter() - self.wall
        found[self.name] = cpu
        found[self.name + " (wall)"] = wall

out, sys.stdout = sys.stdout, io.StringIO()
options = {} if capture is None else {"capture": capture}
with measured("enable"):
    autotrack.enable(log_system_metrics=False, **options)
for name in ("first run", "second run"):
    with measured(name + ", start"):
        run = autotrack.start_run()
    with measured(name + ", 10,000 prints"):
        for number in range(10_000):
            print("epoch", number)
    with measured(name + ", end"):
        autotrack.end_run()
autotrack.disable()
print(json.dumps(found), file=out)
"""


def measure(directory: Path, capture: str) -> dict[str, float]:
    """Run the program once; return seconds by name."""
    variables = {**os.environ, "AUTOTRACK_QUIET": "1"}
    done = subprocess.run(
        [sys.executable, "train.py", capture], cwd=directory, env=variables, capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    git = ["git", "-c", "user.name=Me", "-c", "user.email=me@example.org"]
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "train.py").write_text("")
        for command in (["init"], ["add", "."], ["commit", "-m", "first"]):
            subprocess.run([*git, *command], cwd=directory, check=True, capture_output=True)
        (directory / "train.py").write_text(PROGRAM)
        samples: dict[str, list[dict[str, float]]] = {"null": [], "[]": []}
        for _ in range(rounds):
            for capture, found in samples.items():
                found.append(measure(directory, capture))
    print("| milliseconds | with capture | without |\n|---|---|---|")
    for name in samples["null"][0]:
        with_it, without = (statistics.median(one[name] for one in found) * 1000 for found in samples.values())
        print(f"| {name} | {with_it:.2f} | {without:.2f} |")


if __name__ == "__main__":
    main()
