"""Many processes that log into one place at once: how long until all is durable, and whether all is there.

    python benchmarks/together.py [--processes 8] [--points 2000] [--trackers autotrack "MLflow SQLite" …]

Each process has a run of its own below one common directory. They begin to log together, once every one of them has its
run open; the clock stops when the last has ended. `whole` counts from when the processes are started, as some trackers
import what they need before the first run and others meanwhile. Then the points are counted by a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from trackers import TRACKERS, count_in_a_process, present, python_of


class Outcome(NamedTuple):
    """What many processes did together."""

    failed: int
    seconds: float
    whole: float
    logged: int
    readable: int | None


def main() -> None:
    """Let each tracker try, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--points", type=int, default=2_000, help="of each process")
    parser.add_argument("--trackers", nargs="+", choices=TRACKERS, default=present())
    parser.add_argument("--work", choices=TRACKERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.points)
    else:
        print(f"{options.processes} processes, {options.points:,} points each\n")
        print(f"{'tracker':16}{'failed':>8}{'seconds':>10}{'whole':>10}{'points/s':>12}{'logged':>10}{'readable':>10}")
        for name in options.trackers:
            print_row(name, together(name, options.processes, options.points))


def together(name: str, processes: int, points: int) -> Outcome:
    """Run the processes of one tracker in a directory, and count."""
    command = [python_of(name), os.path.abspath(__file__), "--points", str(points)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        begun = time.perf_counter()
        workers = [
            subprocess.Popen(
                [*command, "--work", name],
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for _ in range(processes)
        ]
        alive = [worker for worker in workers if worker.stdout and worker.stdout.readline()]
        started = time.perf_counter()
        for worker in alive:
            assert worker.stdin is not None
            worker.stdin.close()
        logged = [worker.stdout.read().strip() for worker in alive if worker.stdout]
        failed = sum(worker.wait() != 0 for worker in workers)
        ended = time.perf_counter()
        readable = count_in_a_process(name, directory)
    points_logged = sum(int(text or 0) for text in logged)
    return Outcome(failed, ended - started, ended - begun, points_logged, readable)


def work(name: str, points: int) -> None:
    """Log in a process of its own, when the others are ready too; print how many calls returned."""
    done = 0
    with contextlib.redirect_stdout(sys.stderr):
        tracker = TRACKERS[name]()
        tracker.start(f"run-{os.getpid()}", {})
    print("ready", flush=True)
    sys.stdin.read()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            for step in range(points):
                tracker.log(1.0 / (step + 1), step)
                done += 1
            tracker.end()
            tracker.finish()
    finally:
        print(done, flush=True)


def print_row(name: str, outcome: Outcome) -> None:
    """Print what one tracker did."""
    rate = outcome.logged / outcome.seconds
    readable = "?" if outcome.readable is None else f"{outcome.readable:,}"
    print(
        f"{name:16}{outcome.failed:8}{outcome.seconds:10.2f}{outcome.whole:10.2f}{rate:12,.0f}"
        f"{outcome.logged:10,}{readable:>10}",
        flush=True,
    )


if __name__ == "__main__":
    main()
