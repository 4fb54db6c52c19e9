"""The callback that logs each iteration, injected by `enable` or given to LightGBM by the user."""

from __future__ import annotations

from typing import Any

from autotrack.active import active_run
from autotrack.boosting.iterations import History, log_best, metric_key
from autotrack.boosting.runs import tags_of
from autotrack.integrations.lightgbm import at_hand
from autotrack.naming import run_name
from autotrack.patching.nesting import active_call
from autotrack.run import Run
from autotrack.shield import shielded

FIRST = -1_000_000
"""LightGBM calls callbacks by `order`; after one that stops the training no other is called."""


class AutotrackCallback:
    """Log metrics of each iteration as `<data>-<metric>`.

    Without `run` it logs into the active run, else into a run of its own, which ends with the last round; use
    `autotrack.start_run()` with early stopping. Where `autotrack.enable()` records the training already, it does
    nothing. A copy of it in another process does nothing.

    Args:
        run: Where to log.
        learning_rate: Whether to log the learning rate of each iteration too.

    Example:
        >>> from autotrack.integrations.lightgbm import AutotrackCallback
        >>> booster = lightgbm.train(params, data, callbacks=[AutotrackCallback()])  # doctest: +SKIP
    """

    before_iteration = False

    def __init__(self, run: Run | None = None, *, learning_rate: bool = False) -> None:
        self.order = FIRST
        self._given = run
        self._run: Run | None = None
        self._ours = False
        self._learning_rate = learning_rate
        self._silent = False
        self.history = History()
        self.reads_predictions = False
        self.predicted: dict[int, Any] = {}

    def __reduce__(self) -> Any:
        """Leave the run behind, which is of this process."""
        return _silent, ()

    def __deepcopy__(self, memo: Any) -> AutotrackCallback:
        """Give a callback for another training into the same run."""
        return AutotrackCallback(self._given, learning_rate=self._learning_rate)

    def __call__(self, env: Any) -> None:
        """Log one iteration."""
        if self._silent:
            return
        with shielded("logging an iteration of LightGBM"):
            if env.iteration == env.begin_iteration:
                self._start()
            if self._run is not None:
                with self._run.timed():
                    rate = env.params.get("learning_rate") if self._learning_rate else None
                    self.history.log(self._run, env.iteration, values_of(env.evaluation_result_list), rate)
                    if self.reads_predictions and env.iteration == env.end_iteration - 1:
                        self.predicted = at_hand.read(env.model)
                if self._ours and env.iteration == env.end_iteration - 1:
                    self._run.end()

    def _start(self) -> None:
        self.history = History()
        self._run = self._given
        if self._run is None and active_call() is None:
            self._run = active_run()
            self._ours = self._run is None
            self._run = self._run or Run(run_name("lightgbm.train"), source="lightgbm", tags=tags_of("lightgbm"))

    def log_best(self, run: Run, best_iteration: int) -> None:
        """Log what early stopping found, counted from 1, if there was any."""
        if best_iteration > 0 and self.history.rows:
            log_best(run, best_iteration - 1, self.history.rows)


def _silent() -> AutotrackCallback:
    callback = AutotrackCallback()
    callback._silent = True  # noqa: SLF001 - our own
    return callback


def values_of(results: Any) -> dict[str, float]:
    """Return the metrics of one iteration; of a cross-validation means and deviations."""
    found = {}
    for entry in results or ():
        # A slice, as LightGBM's own iteration over a result takes three times as long.
        parts = entry[:] if isinstance(entry, tuple) else tuple(vars(entry).values())
        data, metric, value, _, *deviation = parts
        if data == "cv_agg":  # as LightGBM before 4.6 calls the means over folds, of "valid auc"
            data, _, metric = metric.partition(" ")
        key = metric_key(data, metric)
        if deviation and deviation[0] is not None:
            found.update({f"{key}-mean": value, f"{key}-stdv": deviation[0]})
        else:
            found[key] = value
    return found
