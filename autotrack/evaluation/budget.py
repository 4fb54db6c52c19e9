"""What our own predictions may cost, and how many rows that pays for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

FEW_ROWS = 1000
PROBE_ROWS = 100
LEAST_BUDGET = 0.05
SHARE_OF_FIT = 0.05


def budget_for(seconds: float, setting: float) -> float:
    """Return the seconds our own predictions may take after a fit of `seconds`."""
    return min(setting, max(LEAST_BUDGET, SHARE_OF_FIT * seconds))


def count_rows(X: Any) -> int:
    """Return the number of rows, 0 where that cannot be told."""
    shape = getattr(X, "shape", None)
    if isinstance(shape, tuple) and shape:
        return int(shape[0])
    return len(X) if hasattr(X, "__len__") else 0


def within_budget(compute: Callable[[Any], Any], n_rows: int, budget: float) -> tuple[Any, Any]:
    """Compute something for all rows, or for as many as the budget allows; the cost of a sample tells how many.

    Args:
        compute: Takes positions of rows, or None for all of them.
        n_rows: Number of rows there are.
        budget: Seconds.

    Returns:
        What it computed, and for which rows (None for all).
    """
    if n_rows <= FEW_ROWS:
        return compute(None), None
    size = PROBE_ROWS
    while True:
        rows = even_sample(n_rows, size)
        started = time.perf_counter()
        found = compute(rows)
        affordable = int(budget * size / (time.perf_counter() - started))
        if affordable >= n_rows:
            return compute(None), None
        if affordable < 2 * size:
            return found, rows
        size = min(affordable, 10 * size)


def even_sample(n_rows: int, size: int) -> Any:
    """Return `size` positions evenly spread over `n_rows`: the same every time, and no random number is drawn."""
    return np.linspace(0, n_rows - 1, size).astype(np.intp)
