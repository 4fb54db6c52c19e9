"""What it costs to save trained estimators without code in the file, and how long a short program's end takes with it.

    python benchmarks/safe_models.py

First the processor time of one conversion, by kind of model, in the process that does it; its imports are left out.
Then a program that fits one model and ends, with the setting `safe_models` and without, in turn: the seconds of its end
by the clock, which a busy machine makes longer.
"""

from __future__ import annotations

import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = """
import atexit, time
atexit.register(lambda: print(time.perf_counter() - started))
import autotrack
autotrack.enable()
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
LogisticRegression(solver="liblinear").fit(*load_breast_cancer(return_X_y=True))
started = time.perf_counter()
"""
ROUNDS = 3


def main() -> None:
    """Print both tables."""
    print(f"{'model':34} {'pickle':>9} {'skops':>9} {'processor time':>15}")
    for name, pickled in models().items():
        size, seconds = convert(pickled)
        print(f"{name:34} {len(pickled) / 1e6:6.2f} MB {size / 1e6:6.2f} MB {seconds * 1e3:12.0f} ms")
    found: dict[str, list[float]] = {"0": [], "1": []}
    for _ in range(ROUNDS):
        for setting, seconds in found.items():
            seconds.append(end_of_program(setting))
    print(f"\nthe end of a program, median of {ROUNDS}: with {statistics.median(found['1']):.2f} s", end=", ")
    print(f"without {statistics.median(found['0']):.2f} s")


def models() -> dict[str, bytes]:
    """Return pickles of fitted models by name."""
    from sklearn.datasets import make_classification
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    X, y = make_classification(4_000, 30, n_informative=10, random_state=0)
    few = X[:569], y[:569]
    return {
        "LogisticRegression": pickle.dumps(LogisticRegression().fit(*few)),
        "RandomForest(20), 569 rows": pickle.dumps(RandomForestClassifier(20, random_state=0).fit(*few)),
        "RandomForest(100), 569 rows": pickle.dumps(RandomForestClassifier(100, random_state=0).fit(*few)),
        "RandomForest(100), 4,000 rows": pickle.dumps(RandomForestClassifier(100, random_state=0).fit(X, y)),
        "RandomForest(500), 4,000 rows": pickle.dumps(RandomForestClassifier(500, random_state=0).fit(X, y)),
        "GradientBoosting(100)": pickle.dumps(GradientBoostingClassifier(random_state=0).fit(X, y)),
        "HistGradientBoosting(100)": pickle.dumps(HistGradientBoostingClassifier(random_state=0).fit(X, y)),
        "KNeighbors, 4,000 rows": pickle.dumps(KNeighborsClassifier().fit(X, y)),
    }


def convert(pickled: bytes) -> tuple[int, float]:
    """Return the size of the skops file and the seconds of the fastest of three conversions."""
    from autotrack.models.skops_file import convert_pickle

    size = len(convert_pickle(pickled).content)
    seconds = []
    for _ in range(3):
        started = time.process_time()
        convert_pickle(pickled)
        seconds.append(time.process_time() - started)
    return size, min(seconds)


def end_of_program(safe_models: str) -> float:
    """Return how long a short program takes to end."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=folder,
            env={**os.environ, "AUTOTRACK_SAFE_MODELS": safe_models},
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout)


if __name__ == "__main__":
    main()
