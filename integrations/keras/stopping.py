"""What the user's own callbacks are, and what early stopping did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import keras

from autotrack.run import Run

_SETTINGS = ("monitor", "min_delta", "patience", "baseline", "restore_best_weights", "start_from_epoch")


def log_callbacks(run: Run, callbacks: Iterable[Any]) -> None:
    """Log which callbacks there are, and the settings of early stopping under the names that MLflow has for them."""
    run.log_params({"callbacks": [type(callback).__name__ for callback in callbacks]})
    for callback in _early_stoppings(callbacks):
        run.log_params({name: getattr(callback, name) for name in _SETTINGS if hasattr(callback, name)})


def log_stopping(run: Run, callbacks: Iterable[Any], history: Mapping[str, list[Any]], epochs: list[int]) -> None:
    """Log the epoch that early stopping stopped at, the one it restored, and its metrics one step after the last.

    Args:
        run: The run.
        callbacks: The user's.
        history: Values of each metric, one for each epoch.
        epochs: The epochs.
    """
    for callback in _early_stoppings(callbacks):
        if callback.stopped_epoch:
            run.log_metric("stopped_epoch", callback.stopped_epoch)
        if not epochs or not callback.restore_best_weights or callback.best_weights is None:
            continue
        best = int(callback.best_epoch)
        run.log_metric("restored_epoch", best)
        if best in epochs:
            at = epochs.index(best)
            run.log_metrics(
                {name: values[at] for name, values in history.items() if len(values) == len(epochs)}, epochs[-1] + 1
            )


def _early_stoppings(callbacks: Iterable[Any]) -> list[Any]:
    return [callback for callback in callbacks if isinstance(callback, keras.callbacks.EarlyStopping)]
