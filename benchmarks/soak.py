"""Track many thousand fits in one process; look for leaks of memory, files and threads, and for lost records.

    python benchmarks/soak.py [--fits 10000] [--every 1000]

Exit status 0: every fit is a finished run with its own parameter, and from the first sample (taken after a warm-up) to
the last, files and threads stayed, and memory grew by less than `--megabytes`.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import threading
from typing import NamedTuple

import psutil
from sklearn.dummy import DummyRegressor

import autotrack
from autotrack.store.store import Store

WARM_UP = 100


class Sample(NamedTuple):
    """What a process holds."""

    fits: int
    megabytes: float
    files: int
    threads: int


def main() -> int:
    """Fit, sample, check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=1_000, help="fits between two samples")
    parser.add_argument("--megabytes", type=float, default=16.0, help="growth that is allowed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        autotrack.enable(store=home, log_system_metrics=False, capture=[], quiet=True)
        fit(0, WARM_UP)
        samples = [sample(WARM_UP)]
        for start in range(WARM_UP, options.fits, options.every):
            end = min(start + options.every, options.fits)
            fit(start, end)
            samples.append(sample(end))
        autotrack.disable()
        problems = leaks(samples, options.megabytes) + losses(home, options.fits)
    print(*problems or ["nothing leaked, nothing lost"], sep="\n")
    return 1 if problems else 0


def fit(start: int, end: int) -> None:
    """Fit models that can be told apart."""
    for number in range(start, end):
        DummyRegressor(strategy="constant", constant=float(number)).fit([[0.0], [1.0]], [0.0, 1.0])


def sample(fits: int) -> Sample:
    """Wait until all is delivered, then look at this process."""
    autotrack.flush()
    gc.collect()
    resident = psutil.Process().memory_info().rss / 2**20
    found = Sample(fits, resident, len(os.listdir("/proc/self/fd")), threading.active_count())
    print(f"{found.fits:9,} fits {found.megabytes:8.1f} MB {found.files:4} files {found.threads:3} threads", flush=True)
    return found


def leaks(samples: list[Sample], megabytes: float) -> list[str]:
    """Say what grew from the first sample to the last."""
    first, last = samples[0], samples[-1]
    found = []
    if last.megabytes - first.megabytes > megabytes:
        found.append(f"memory grew from {first.megabytes:.1f} to {last.megabytes:.1f} MB")
    if last.files > first.files + 2:
        found.append(f"open files grew from {first.files} to {last.files}")
    if last.threads > first.threads:
        found.append(f"threads grew from {first.threads} to {last.threads}")
    return found


def losses(home: str, fits: int) -> list[str]:
    """Say which fits are no finished run of their own."""
    with Store.open(home) as store:
        found = store.check()
        runs = store.search()
    constants = sorted(float(run.params["constant"].text) for run in runs if run.status == "finished")
    if constants != [float(number) for number in range(fits)]:
        found.append(f"{fits} fits are {len(runs)} runs, {len(constants)} of them finished")
    return found


if __name__ == "__main__":
    sys.exit(main())
