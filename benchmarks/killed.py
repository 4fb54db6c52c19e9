"""`kill -9` while points are logged: how many of those whose call had returned can be read afterwards.

    python benchmarks/killed.py [--rounds 3] [--trackers autotrack "W&B offline" …]

A process logs a point every five milliseconds and says each time that the call returned; after one to three seconds it
is killed. Another process counts what it finds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from typing import NamedTuple

from trackers import TRACKERS, count_in_a_process, present, python_of

PACE = 0.005


class Outcome(NamedTuple):
    """How many calls had returned when the process was killed, and how many points can be read."""

    returned: int
    readable: int | None

    @property
    def lost(self) -> int:
        """Points that are missing. A last point that arrived although its call had not yet returned is none more."""
        return max(self.returned - (self.readable or 0), 0)


def main() -> None:
    """Kill each tracker some times, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trackers", nargs="+", choices=TRACKERS, default=present())
    parser.add_argument("--work", choices=TRACKERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work)
    else:
        print(f"{options.rounds} kills each\n\n{'tracker':16}{'returned':>10}{'readable':>10}{'lost':>8}{'lost %':>8}")
        delays = [random.uniform(1, 3) for _ in range(options.rounds)]  # noqa: S311
        for name in options.trackers:
            print_row(name, [killed(name, delay) for delay in delays])


def killed(name: str, delay: float) -> Outcome:
    """Kill a process some seconds after its first point, and count."""
    command = [python_of(name), os.path.abspath(__file__)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        worker = subprocess.Popen(
            [*command, "--work", name], cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert worker.stdout is not None
        last = worker.stdout.readline()
        threading.Timer(delay, worker.kill).start()
        for line in worker.stdout:
            last = line if line.endswith("\n") else last
        worker.wait()
        readable = count_in_a_process(name, directory)
    return Outcome(int(last), readable)


def work(name: str) -> None:
    """Log until the end, and say after each call how many have returned."""
    said = os.dup(1)
    with contextlib.redirect_stdout(sys.stderr):
        tracker = TRACKERS[name]()
        tracker.start("killed", {})
        for step in range(100_000):
            tracker.log(1.0 / (step + 1), step)
            os.write(said, f"{step + 1}\n".encode())
            time.sleep(PACE)


def print_row(name: str, outcomes: list[Outcome]) -> None:
    """Print what one tracker lost, all rounds together."""
    returned = sum(outcome.returned for outcome in outcomes)
    if any(outcome.readable is None for outcome in outcomes):
        print(f"{name:16}{returned:10,}{'?':>10}", flush=True)
        return
    readable, lost = sum(outcome.readable or 0 for outcome in outcomes), sum(outcome.lost for outcome in outcomes)
    print(f"{name:16}{returned:10,}{readable:10,}{lost:8,}{100 * lost / returned:8.1f}", flush=True)


if __name__ == "__main__":
    main()
