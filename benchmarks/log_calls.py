"""What one log call costs the caller, and how fast points become durable, beside a bare append to a file.

python benchmarks/log_calls.py [--points 200000]
"""

from __future__ import annotations

import argparse
import os
import statistics
import struct
import tempfile
import time
from collections.abc import Callable

import autotrack


def main() -> None:
    """Print both in turn, in one process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=200_000)
    points = parser.parse_args().points
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        append, close = bare_append()
        rows = {"bare append": timed(append, points)}
        close()
        autotrack.enable(log_system_metrics=False)
        started = time.perf_counter()
        with autotrack.start_run() as run:
            rows["run.log_metric"] = timed(lambda step: run.log_metric("loss", 0.5, step), points)
            rows["autotrack.log_metric"] = timed(lambda step: autotrack.log_metric("other", 0.5, step), points)
        autotrack.flush()
        seconds = time.perf_counter() - started
        autotrack.disable()
        os.chdir("/")
    reference = statistics.median(rows["bare append"])
    print(f"{'':24}{'p50 us':>10}{'p99 us':>10}{'x bare':>10}")
    for name, found in rows.items():
        median, high = statistics.median(found), statistics.quantiles(found, n=100)[98]
        print(f"{name:24}{median * 1e6:10.2f}{high * 1e6:10.2f}{median / reference:10.2f}")
    print(f"{2 * points / seconds:,.0f} points a second until durable in the store")


def bare_append() -> tuple[Callable[[int], None], Callable[[], None]]:
    """Return a call that appends 45 bytes, as many as a point takes in our journal, and one that closes the file."""
    fd = os.open("bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    rest = b"x" * 37
    return lambda step: (os.write(fd, struct.pack("<q", step) + rest), None)[1], lambda: os.close(fd)


def timed(call: Callable[[int], None], points: int) -> list[float]:
    """Return the seconds of each call."""
    found = []
    for step in range(points):
        started = time.perf_counter()
        call(step)
        found.append(time.perf_counter() - started)
    return found


if __name__ == "__main__":
    main()
