"""What tracking adds to scikit-learn: autotrack beside MLflow autologging and nothing at all, in one run.

    python benchmarks/sklearn_fits.py [--rounds 3] [--fits 20]

Each tracker runs in processes of its own, the rounds of all of them in turn, so that a machine that slows down slows
all of them down. Reported is the median time of one steady-state call (the first ones, which import and connect, are
left out), what tracking adds to the bare call, and how many times more MLflow adds.
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
    times: dict[str, dict[str, list[float]]] = {case: {tracker: [] for tracker in TRACKERS} for case in CASES}
    for _ in range(options.rounds):
        for tracker in TRACKERS:
            for case, seconds in in_a_process(tracker, options.fits).items():
                times[case][tracker].append(seconds)
    print_table(times)


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
    """Return the median seconds of one call of each case, after two that do not count."""
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
    switch_on(tracker)
    counts = {CASES[2]: max(3, fits // 4)} if tracker != "mlflow" else dict.fromkeys(CASES, 3)
    return {case: median_seconds(call, counts.get(case, fits)) for case, call in cases.items()}


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


def median_seconds(call: Callable[[], Any], count: int) -> float:
    """Return the median seconds of `count` calls, after two that do not count."""
    for _ in range(2):
        call()
    seconds = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def print_table(times: dict[str, dict[str, list[float]]]) -> None:
    """Print medians over the rounds, what is added, and the ratio of what is added."""
    print(f"{'':20}{'bare ms':>10}{'autotrack ms':>14}{'mlflow ms':>12}{'added ms':>10}{'mlflow adds':>13}{'ratio':>8}")
    for case, found in times.items():
        bare, ours, theirs = (statistics.median(found[tracker]) * 1e3 for tracker in TRACKERS)
        added, mlflow_added = ours - bare, theirs - bare
        ratio = mlflow_added / max(added, 1e-6)
        print(f"{case:20}{bare:10.2f}{ours:14.2f}{theirs:12.1f}{added:10.2f}{mlflow_added:13.1f}{ratio:8.0f}")


if __name__ == "__main__":
    main()
