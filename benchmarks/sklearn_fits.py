"""What tracking adds to scikit-learn: autotrack beside MLflow autologging and nothing at all, in one run.

    python benchmarks/sklearn_fits.py [--rounds 3] [--fits 20]

Each tracker runs in processes of its own, the rounds of all of them in turn, so that a machine that slows down slows
all of them down. Reported is the median time of one steady-state call, what tracking adds to the bare call, and how
many times more MLflow adds; then the same for processor time, of all threads and of the processes they start, with
everything delivered. Two calls of each case, which import and connect, are left out, and what they left to do in the
background is waited for; what the first call of a process costs is a table of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

TRACKERS = ("bare", "autotrack", "mlflow")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "AUTOTRACK_TESTING": "0"}
"""Linear algebra in one thread: with several, a busy machine makes the bare fit itself jump by tens of times."""
CASES = ("LogisticRegression", "RandomForest(20)", "GridSearchCV 12x5")


def main() -> None:
    """Run all trackers in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fits", type=int, default=20)
    parser.add_argument("--child", choices=TRACKERS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options.fits)))
        return
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(options.rounds):
        for tracker in TRACKERS:
            for name, seconds in in_a_process(tracker, options.fits).items():
                found.setdefault(name, {tracker: [] for tracker in TRACKERS})[tracker].append(seconds)
    for what in ("one call", "processor time of one call", "the first call of a process"):
        print_table(what, {case: found[f"{case}, {what}"] for case in CASES if f"{case}, {what}" in found})


def in_a_process(tracker: str, fits: int) -> dict[str, float]:
    """Measure one tracker in a new process and an empty directory."""
    with tempfile.TemporaryDirectory() as directory:
        result = subprocess.run(
            [sys.executable, str(Path(__file__).resolve()), "--child", tracker, "--fits", str(fits)],
            cwd=directory,
            env={**os.environ, **ONE_THREAD, "MLFLOW_TRACKING_URI": f"sqlite:///{directory}/mlflow.db"},
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode:
        sys.exit(f"{tracker} failed:\n{result.stderr[-4000:]}")
    found: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return found


def measure(tracker: str, fits: int) -> dict[str, float]:
    """Return the seconds of each case, by the titles of the tables."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    grid = {"C": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0], "fit_intercept": [True, False]}
    cases: dict[str, Callable[[], Any]] = {
        CASES[0]: lambda: LogisticRegression().fit(X, y),
        CASES[1]: lambda: RandomForestClassifier(n_estimators=20, random_state=0).fit(X, y),
        CASES[2]: lambda: GridSearchCV(LogisticRegression(), grid, cv=5).fit(X, y),
    }
    started = time.perf_counter()
    switch_on(tracker)
    cases[CASES[0]]()
    found = {f"{CASES[0]}, the first call of a process": time.perf_counter() - started}
    for case, call in cases.items():
        repeat(call, 2)
        settle(tracker)
        used = processor_seconds()
        seconds = repeat(call, 3 if tracker == "mlflow" else max(3, fits // 4) if case == CASES[2] else fits)
        settle(tracker)
        found[f"{case}, one call"] = statistics.median(seconds)
        found[f"{case}, processor time of one call"] = (processor_seconds() - used) / len(seconds)
    return found


def switch_on(tracker: str) -> None:
    """Enable a tracker with everything it does by default."""
    if tracker == "autotrack":
        import autotrack

        autotrack.enable()
    elif tracker == "mlflow":
        import logging

        import mlflow

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        mlflow.sklearn.autolog()


def settle(tracker: str) -> None:
    """Wait for what is done in the background; MLflow has nothing there."""
    if tracker == "autotrack":
        import autotrack

        autotrack.flush()


def processor_seconds() -> float:
    """Return the processor time of this process and of the ones it started, whether they have ended or not."""
    running = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(os.times()[:4]) + sum(times.user + times.system for times in running)


def repeat(call: Callable[[], Any], count: int) -> list[float]:
    """Return the seconds of each of `count` calls."""
    seconds = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return seconds


def print_table(what: str, times: dict[str, dict[str, list[float]]]) -> None:
    """Print medians over the rounds, what is added, and the ratio of what is added."""
    print(
        f"\n{what:27}{'bare ms':>9}{'autotrack ms':>14}{'mlflow ms':>11}{'added ms':>10}{'mlflow adds':>13}{'ratio':>7}"
    )
    for case, found in times.items():
        bare, ours, theirs = (statistics.median(found[tracker]) * 1e3 for tracker in TRACKERS)
        added, mlflow_added = ours - bare, theirs - bare
        ratio = mlflow_added / max(added, 1e-6)
        print(f"{case:27}{bare:9.2f}{ours:14.2f}{theirs:11.1f}{added:10.2f}{mlflow_added:13.1f}{ratio:7.0f}")


if __name__ == "__main__":
    main()
