"""How long an evaluation takes, beside scikit-learn computing three of its numbers.

python benchmarks/evaluation.py
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from autotrack.evaluation import evaluate

LARGE = 1_000_000


def main() -> None:
    """Print milliseconds and megabytes of each case."""
    rng = np.random.default_rng(0)
    true, score = rng.integers(0, 2, 569), rng.random(569)
    many = rng.integers(0, 10_000, LARGE)
    guessed = np.where(rng.random(LARGE) < 0.7, many, rng.integers(0, 10_000, LARGE))
    cases: dict[str, tuple[Callable[[], Any], int]] = {
        "scikit-learn: accuracy, F1 and ROC AUC of 569 rows": (lambda: three_numbers(true, score), 50),
        "the whole evaluation of 569 rows, 2 classes": (lambda: evaluate(true, y_score=score), 50),
        "of 1,000,000 rows, 2 classes": (lambda: evaluate(rng.integers(0, 2, LARGE), y_score=rng.random(LARGE)), 3),
        "of 1,000,000 rows, 10,000 classes": (lambda: evaluate(many, guessed), 3),
        "of 1,000,000 rows, regression": (lambda: evaluate(rng.random(LARGE), rng.random(LARGE)), 3),
    }
    print(f"{'':54}{'median ms':>12}{'peak MB':>10}")
    for name, (call, repeats) in cases.items():
        print(f"{name:54}{median_ms(call, repeats):12.2f}{peak_mb(call):10.1f}")


def three_numbers(true: Any, score: Any) -> tuple[float, float, float]:
    """Compute what one evaluation has among forty others."""
    guessed = score > 0.5
    return accuracy_score(true, guessed), f1_score(true, guessed), roc_auc_score(true, score)


def median_ms(call: Callable[[], Any], repeats: int) -> float:
    """Return the median milliseconds of a call."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) * 1e3


def peak_mb(call: Callable[[], Any]) -> float:
    """Return the megabytes that a call takes at most."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


if __name__ == "__main__":
    main()
