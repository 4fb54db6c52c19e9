"""The callback that logs each iteration, injected by `enable` or given to XGBoost by the user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from xgboost.callback import TrainingCallback

from autotrack.active import active_run
from autotrack.boosting.iterations import History, last_values, log_best
from autotrack.boosting.runs import tags_of
from autotrack.naming import run_name
from autotrack.patching.nesting import active_call
from autotrack.run import Run
from autotrack.shield import shielded

_LEARNING_RATE = re.compile(r'"learning_rate":"([^"]+)"')


class AutotrackCallback(TrainingCallback):
    """Log metrics of each iteration as `<data>-<metric>`, and the best iteration.

    Without `run` it logs into the active run, else into a run of its own, which ends with the training. Where
    `autotrack.enable()` records the training already, it does nothing. A copy of it in another process does nothing.

    Args:
        run: Where to log.
        learning_rate: Whether to log the learning rate of each iteration too.

    Example:
        >>> from autotrack.integrations.xgboost import AutotrackCallback
        >>> booster = xgboost.train(params, data, callbacks=[AutotrackCallback()])  # doctest: +SKIP
    """

    def __init__(self, run: Run | None = None, *, learning_rate: bool = False) -> None:
        super().__init__()
        self._given = run
        self._run: Run | None = None
        self._ours = False
        self._learning_rate = learning_rate
        self.history = History()
        self._epoch = -1
        self._log: Any = {}
        self._rate: float | None = None
        self.asked: Sequence[Any] = ()
        self.predicted: tuple[int, dict[int, Any]] = (0, {})

    def __reduce__(self) -> Any:
        """Leave the run behind, which is of this process."""
        return _silent, ()

    def __deepcopy__(self, memo: Any) -> AutotrackCallback:
        """Give a callback for another training into the same run."""
        return AutotrackCallback(self._given, learning_rate=self._learning_rate)

    def before_training(self, model: Any) -> Any:
        """Find the run to log into."""
        with shielded("starting the callback for XGBoost"):
            self.history = History()
            self._run = self._given
            if self._run is None and active_call() is None:
                self._run = active_run()
                self._ours = self._run is None
                self._run = self._run or Run(run_name("xgboost.train"), source="xgboost", tags=tags_of("xgboost"))
        return model

    def before_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Remember which iteration begins, and at which learning rate: a scheduler sets the next one behind it."""
        self._epoch, self._log = epoch, evals_log
        if self._run is not None and self._learning_rate:
            with shielded("reading a learning rate of XGBoost", self._run.note), self._run.timed():
                self._rate = learning_rate_of(model)
        return False

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002 - XGBoost calls it so
        """Log the newest value of each metric."""
        if self._run is not None:
            with shielded("logging an iteration of XGBoost", self._run.note), self._run.timed():
                self.history.log(self._run, epoch, last_values(evals_log), self._rate)
        return False

    def catch_up(self) -> None:
        """Log the last iteration where this was not told of it.

        XGBoost before 3 calls callbacks in any order, and after one that stops or fails calls no other.
        """
        evaluated = max((len(values) for metrics in self._log.values() for values in metrics.values()), default=0)
        if self._run is not None and evaluated > len(self.history.rows):
            self.history.log(self._run, self._epoch, last_values(self._log), self._rate)

    def after_training(self, model: Any) -> Any:
        """Log the best iteration; end the run if it is the callback's own.

        XGBoost still has its predictions for the data of the training, and drops them when it returns.
        """
        with shielded("logging the last iteration of XGBoost"):
            self.catch_up()
        if self._run is not None and self.asked:
            with shielded("reading predictions of XGBoost", self._run.note), self._run.timed():
                found = {id(data): model.predict(data) for data in self.asked}
                self.predicted = model.num_boosted_rounds(), found
        if self._run is not None and self._given is None:
            with shielded("ending the callback for XGBoost", self._run.note):
                self.log_best(self._run, model)
                if self._ours:
                    self._run.end()
        return model

    def log_best(self, run: Run, model: Any) -> None:
        """Log what early stopping found, if there was any."""
        best = model.attr("best_iteration")
        if best is not None and self.history.rows:
            log_best(run, int(best), self.history.rows)
            run.log_metric("best_score", float(model.attr("best_score")))


class _Silent(AutotrackCallback):
    """What a callback is in another process."""

    def before_training(self, model: Any) -> Any:
        return model


def _silent() -> AutotrackCallback:
    return _Silent()


def learning_rate_of(model: Any) -> float | None:
    """Return the learning rate in effect, of a booster or of the first fold of a cross-validation."""
    folds = getattr(model, "cvfolds", None)
    found = _LEARNING_RATE.search((folds[0].bst if folds else model).save_config())
    return float(found[1]) if found else None
