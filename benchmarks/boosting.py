"""What tracking adds to 200 rounds of boosting: autotrack beside MLflow autologging and nothing at all, in one run.

    python benchmarks/boosting.py [--rounds 3] [--trainings 3] [--threads 2]

20,000 rows of 30 features, two sets to validate on. Each tracker runs in processes of its own, the rounds of all of
them in turn, so that a machine that slows down slows all of them down. One training that imports and connects is left
out. "own" is what autotrack measured that it took of the caller's time (`autotrack.overhead_seconds`), and "loop" the
part of it that is neither evaluation nor the model: with both switched off. MLflow has no autologging for CatBoost.
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

TRACKERS = ("bare", "autotrack", "autotrack-loop", "mlflow")
CASES = ("xgboost.train", "lightgbm.train", "CatBoost.fit")
BOOSTING_ROUNDS = 200


def main() -> None:
    """Run all trackers in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trainings", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", choices=TRACKERS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options.trainings, options.threads)))
        return
    times: dict[str, dict[str, list[list[float]]]] = {case: {tracker: [] for tracker in TRACKERS} for case in CASES}
    for _ in range(options.rounds):
        for tracker in TRACKERS:
            for case, found in in_a_process(tracker, options).items():
                times[case][tracker].append(found)
    print_table(times)


def in_a_process(tracker: str, options: argparse.Namespace) -> dict[str, list[float]]:
    """Measure one tracker in a new process and an empty directory."""
    counts = ["--trainings", str(options.trainings), "--threads", str(options.threads)]
    with tempfile.TemporaryDirectory() as directory:
        result = subprocess.run(
            [sys.executable, str(Path(__file__).resolve()), "--child", tracker, *counts],
            cwd=directory,
            env={**os.environ, "AUTOTRACK_TESTING": "0", "MLFLOW_TRACKING_URI": f"sqlite:///{directory}/mlflow.db"},
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode:
        sys.exit(f"{tracker} failed:\n{result.stderr[-4000:]}")
    found: dict[str, list[float]] = json.loads(result.stdout.splitlines()[-1])
    return found


def measure(tracker: str, trainings: int, threads: int) -> dict[str, list[float]]:
    """Return for each case the median seconds of a training, and of what autotrack says that it took."""
    cases = make_cases(threads)
    switch_on(tracker)
    return {
        name: median_seconds(tracker, train, trainings)
        for name, train in cases.items()
        if tracker != "mlflow" or name != "CatBoost.fit"
    }


def make_cases(threads: int) -> dict[str, Callable[[], Any]]:
    """Return a function that trains, for each library."""
    import catboost
    import lightgbm
    import numpy as np
    import xgboost

    generator = np.random.default_rng(0)
    X = generator.normal(size=(20_000, 30))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + generator.normal(size=len(X)) > 0).astype(int)
    held_out = X[:4000] + 0.1, y[:4000]

    def train_xgboost() -> None:
        data, valid = xgboost.DMatrix(X, y), xgboost.DMatrix(*held_out)
        params = {"objective": "binary:logistic", "eval_metric": ["logloss", "auc"], "nthread": threads}
        sets = [(data, "train"), (valid, "valid")]
        xgboost.train(params, data, BOOSTING_ROUNDS, evals=sets, verbose_eval=False)

    def train_lightgbm() -> None:
        data = lightgbm.Dataset(X, y)
        valid = lightgbm.Dataset(*held_out, reference=data)
        params = {"objective": "binary", "metric": ["auc", "binary_logloss"], "num_threads": threads, "verbosity": -1}
        lightgbm.train(params, data, BOOSTING_ROUNDS, [data, valid], ["train", "valid"])

    def train_catboost() -> None:
        options = {"allow_writing_files": False, "verbose": False, "thread_count": threads}
        model = catboost.CatBoostClassifier(iterations=BOOSTING_ROUNDS, **options)
        model.fit(X, y, eval_set=[held_out, (X[4000:8000], y[4000:8000])])

    return dict(zip(CASES, (train_xgboost, train_lightgbm, train_catboost), strict=True))


def switch_on(tracker: str) -> None:
    """Enable a tracker with everything it does by default."""
    if tracker.startswith("autotrack"):
        import autotrack

        everything = tracker == "autotrack"
        autotrack.enable(log_evaluation=everything, log_models=everything)
    elif tracker == "mlflow":
        import logging

        import mlflow

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        mlflow.xgboost.autolog(silent=True)
        mlflow.lightgbm.autolog(silent=True)


def median_seconds(tracker: str, train: Callable[[], Any], count: int) -> list[float]:
    """Return the median seconds of `count` trainings after one that does not count, and of autotrack's own share."""
    train()
    if tracker.startswith("autotrack"):
        import autotrack

        autotrack.flush()  # what the first run imports in the background is not yet steady state
    seconds = []
    for _ in range(count):
        started = time.perf_counter()
        train()
        seconds.append(time.perf_counter() - started)
    own = 0.0
    if tracker.startswith("autotrack"):
        import autotrack

        runs = autotrack.search_runs(order_by="start_time DESC")[:count]
        own = statistics.median(run.metrics["autotrack.overhead_seconds"] for run in runs)
    return [statistics.median(seconds), own]


def print_table(times: dict[str, dict[str, list[list[float]]]]) -> None:
    """Print medians over the rounds, what is added, and the ratio of what is added."""
    heads = ("bare ms", "autotrack ms", "own ms", "loop ms", "mlflow ms", "mlflow adds / own")
    print(" " * 16 + "".join(head.rjust(width) for head, width in zip(heads, (9, 14, 8, 9, 11, 19), strict=True)))
    for case, found in times.items():
        bare = statistics.median(seconds for seconds, _ in found["bare"]) * 1e3
        ours = statistics.median(seconds for seconds, _ in found["autotrack"]) * 1e3
        own = statistics.median(own for _, own in found["autotrack"]) * 1e3
        loop = statistics.median(own for _, own in found["autotrack-loop"]) * 1e3
        theirs = statistics.median(seconds for seconds, _ in found["mlflow"]) * 1e3 if found["mlflow"] else None
        shown = f"{theirs:11.0f}{(theirs - bare) / own:19.0f}" if theirs is not None else f"{'none':>11}{'':19}"
        print(f"{case:16}{bare:9.0f}{ours:14.0f}{own:8.0f}{loop:9.1f}{shown}")


if __name__ == "__main__":
    main()
