"""The metrics of each iteration, under MLflow's names, and what early stopping chose among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autotrack.run import Run

LEARNING_RATE = "learning_rate"

Row = tuple[int, dict[str, float]]
"""Step and metrics of one iteration."""


def metric_key(data: str, metric: str) -> str:
    """Return the name of a metric on one set of data; MLflow allows no `@` in names.

    Example:
        >>> metric_key("validation_0", "ndcg@3")
        'validation_0-ndcg_at_3'
    """
    return f"{data}-{metric}".replace("@", "_at_")


def last_values(history: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return the newest value of each metric of each set of data; means and deviations where there are pairs."""
    found = {}
    for data, metrics in history.items():
        for metric, values in metrics.items():
            found.update(_named(metric_key(data, metric), values[-1]))
    return found


def _named(key: str, value: Any) -> dict[str, float]:
    if isinstance(value, tuple):
        return {f"{key}-mean": value[0], f"{key}-std": value[1]}
    return {key: value}


def rows_of(history: Mapping[str, Mapping[str, Any]], steps: Sequence[int] | None = None) -> list[Row]:
    """Return step and metrics of each iteration of a whole history.

    Args:
        history: For each set of data and metric the values, one for each iteration that was evaluated.
        steps: The iterations that were; by default 0, 1, 2 and so on.
    """
    rows: dict[int, dict[str, float]] = {}
    for data, metrics in history.items():
        for metric, values in metrics.items():
            key = metric_key(data, metric)
            for step, value in zip(range(len(values)) if steps is None else steps, values, strict=False):
                rows.setdefault(step, {}).update(_named(key, value))
    return sorted(rows.items())


def log_best(run: Run, best: int, rows: Iterable[Row]) -> None:
    """Log where early stopping found the best iteration, and its metrics once more one step after the last.

    Args:
        run: The run.
        best: The best iteration, counted from 0.
        rows: Step and metrics of each iteration that was evaluated.
    """
    by_step = dict(rows)
    last = max(by_step, default=best)
    run.log_metrics({"best_iteration": best, "stopped_iteration": last})
    run.log_metrics(by_step.get(best, {}), last + 1)


class History:
    """What was logged of each iteration, kept to find the best one again."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def log(self, run: Run, step: int, metrics: dict[str, float], learning_rate: float | None = None) -> None:
        """Log the metrics of one iteration, and the learning rate where it is scheduled."""
        self.rows.append((step, metrics))
        run.log_metrics(metrics if learning_rate is None else {**metrics, LEARNING_RATE: learning_rate}, step)
