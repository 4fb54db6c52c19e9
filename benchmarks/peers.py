"""One tracker, measured in a process of its own: what its start, a log call, a point and a short run cost.

    python benchmarks/peers.py autotrack --points 100000 --runs 100

Prints one line of JSON: `ready_ms` from before its import to the end of the first log call, `import_mb` of memory by
then, `p50_us` and `p99_us` of a call with one number, `points_per_s` until all is durable (the tracker says that it is
done), `bytes_per_point` on disk, and `runs_per_s` for runs of five parameters and ten numbers, durable too. Slow
trackers stop after five seconds of points, and five of runs. `benchmarks/run.py` starts these processes in turn.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from trackers import TRACKERS, Tracker

PARAMS = {f"param_{number}": number / 7 for number in range(5)}
NUMBERS_OF_A_SHORT_RUN = 10
LONGEST = 5.0


def measure(name: str, points: int, runs: int) -> dict[str, float]:
    """Return the figures of one tracker."""
    before = memory_mb()
    started = time.perf_counter()
    tracker = TRACKERS[name]()
    tracker.start("points", PARAMS)
    tracker.log(0.0, 0)  # it opens files and starts threads
    found = {"ready_ms": (time.perf_counter() - started) * 1e3, "import_mb": memory_mb() - before}
    found |= many_points(tracker, points)
    found["runs_per_s"] = many_runs(TRACKERS[name], runs)
    return found


def many_points(tracker: Tracker, points: int) -> dict[str, float]:
    """Log point by point into the run that is open, and end it."""
    began = started = time.perf_counter()
    calls: list[float] = []
    while len(calls) < points and started < began + LONGEST:
        step = len(calls) + 1
        started = time.perf_counter()
        tracker.log(1.0 / step, step)
        calls.append(time.perf_counter() - started)
    tracker.end()
    tracker.finish()
    seconds = time.perf_counter() - began
    points = len(calls)
    check(tracker, points + 1)
    size = sum(path.stat().st_size for path in Path().rglob("*") if path.is_file())
    return {
        "p50_us": statistics.median(calls) * 1e6,
        "p99_us": statistics.quantiles(calls, n=100)[98] * 1e6,
        "points_per_s": points / seconds,
        "bytes_per_point": size / points,
    }


def check(tracker: Tracker, points: int) -> None:
    """See that everything is there.

    Raises:
        SystemExit: It is not.
    """
    found = tracker.count()
    if found is not None and found != points:
        sys.exit(f"{type(tracker).__name__}: {found:,} of {points:,} points can be read")


def many_runs(kind: type[Tracker], runs: int) -> float:
    """Return how many short runs a second are begun, filled, ended and durable."""
    began = time.perf_counter()
    tracker, done = kind(), 0
    while done < runs and time.perf_counter() < began + LONGEST:
        tracker.start(f"run-{done}", PARAMS)
        for step in range(NUMBERS_OF_A_SHORT_RUN):
            tracker.log(1.0 / (step + 1), step)
        tracker.end()
        done += 1
    tracker.finish()
    return done / (time.perf_counter() - began)


def memory_mb() -> float:
    """Return the memory of this process that is in use, in megabytes; Linux alone says it like this."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Measure in an empty directory and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tracker", choices=TRACKERS)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        os.chdir(directory)
        with contextlib.redirect_stdout(sys.stderr):  # some greet their user
            found = measure(options.tracker, options.points, options.runs)
        os.chdir("/")
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
