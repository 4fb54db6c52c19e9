"""The callback that logs each iteration, injected by `enable` or given to CatBoost by the user."""

from __future__ import annotations

from typing import Any

from autotrack.active import active_run
from autotrack.boosting.iterations import History, last_values
from autotrack.boosting.runs import tags_of
from autotrack.naming import run_name
from autotrack.patching.nesting import active_call
from autotrack.run import Run
from autotrack.shield import shielded


class AutotrackCallback:
    """Log metrics of each iteration as `<data>-<metric>`.

    CatBoost takes callbacks on the CPU only. Without `run` it logs into the active run, else into a run of its own,
    which ends with the process; use it inside `autotrack.start_run()`. Where `autotrack.enable()` records the training
    already, it does nothing. A copy of it in another process does nothing.

    Args:
        run: Where to log.

    Example:
        >>> from autotrack.integrations.catboost import AutotrackCallback
        >>> model.fit(X, y, callbacks=[AutotrackCallback()])  # doctest: +SKIP
    """

    def __init__(self, run: Run | None = None) -> None:
        self._given = run
        self._run: Run | None = None
        self._silent = False
        self._logged: dict[tuple[str, str], int] = {}
        self.history = History()

    def __reduce__(self) -> Any:
        """Leave the run behind, which is of this process."""
        return _silent, ()

    def __deepcopy__(self, memo: Any) -> AutotrackCallback:
        """Give a callback for another training into the same run."""
        return AutotrackCallback(self._given)

    def after_iteration(self, info: Any) -> bool:
        """Log the values that are new; `info.iteration` counts from 1."""
        if not self._silent:
            with shielded("logging an iteration of CatBoost"):
                self._log(info.iteration - 1, info.metrics)
        return True

    def _log(self, step: int, metrics: Any) -> None:
        if self._run is None or step == 0:
            self._start()
        if self._run is None:
            return
        with self._run.timed():
            lengths = {(data, name): len(values) for data, found in metrics.items() for name, values in found.items()}
            new = {key for key, length in lengths.items() if length > self._logged.get(key, 0)}
            self._logged = lengths
            fresh = {
                data: {name: found[name] for name in found if (data, name) in new} for data, found in metrics.items()
            }
            self.history.log(self._run, step, last_values(fresh))

    def _start(self) -> None:
        self.history = History()
        self._logged = {}
        self._run = self._given
        if self._run is None and active_call() is None:
            self._run = active_run() or Run(run_name("CatBoost"), source="catboost", tags=tags_of("catboost"))


def _silent() -> AutotrackCallback:
    callback = AutotrackCallback()
    callback._silent = True  # noqa: SLF001 - our own
    return callback
