"""The folds of a cross-validation as one table: a row for each iteration of each fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotrack import names
from autotrack.run import Run


class FoldTable:
    """Numbers of each fold, collected while a cross-validation runs."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, Any, Mapping[str, float]]] = []
        self._iterations: dict[Any, int] = {}

    def add(self, fold: Any, metrics: Mapping[str, float], iteration: int | None = None) -> None:
        """Add an iteration of a fold.

        Args:
            fold: What stands for the fold, such as its number.
            metrics: Its metrics.
            iteration: Counted from 0; by default the one after the last of the fold.
        """
        if iteration is None:
            iteration = self._iterations.get(fold, 0)
        self._iterations[fold] = iteration + 1
        self._rows.append((iteration, fold, metrics))

    def columns(self) -> dict[str, list[Any]]:
        """Return the table, empty without rows."""
        keys = dict.fromkeys(key for _, _, metrics in self._rows for key in metrics)
        if not keys:
            return {}
        numbers = {fold: number for number, fold in enumerate(self._iterations)}
        return {
            "iteration": [iteration for iteration, _, _ in self._rows],
            "fold": [numbers[fold] for _, fold, _ in self._rows],
            **{key: [metrics.get(key) for _, _, metrics in self._rows] for key in keys},
        }


def log_folds(run: Run, table: FoldTable) -> None:
    """Write the table of all folds in the background."""
    columns = table.columns()
    if columns:
        run.defer("writing the folds", lambda: run.log_table(columns, names.CV_FOLDS))
