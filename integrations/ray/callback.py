"""The callback that hears of every trial, given to Tune by `enable` or by the user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ray.tune import Callback

from autotrack import names
from autotrack.active import take_run
from autotrack.integrations.ray.studies import SOURCE, Study
from autotrack.run import Run
from autotrack.shield import shielded

if TYPE_CHECKING:
    from ray.tune.experiment import Trial


class AutotrackCallback(Callback):
    """Log a search by Tune: a run for the search, one below it for each trial, a point of each metric at every report.

    Without `autotrack.enable()` it opens the run of the search, or takes the active one. Where `autotrack.enable()`
    records the search already, it is the one that does so.

    Args:
        metric: What the search is for, to tell which trial is the best. Default: nothing, and no trial is.
        mode: "min" or "max".

    Example:
        >>> from autotrack.integrations.ray.callback import AutotrackCallback
        >>> tune.RunConfig(callbacks=[AutotrackCallback(metric="loss", mode="min")])  # doctest: +SKIP
    """

    def __init__(self, metric: str | None = None, mode: str | None = None) -> None:
        self._metric = metric
        self._mode = mode
        self._study: Study | None = None
        self._owned: Run | None = None

    def __reduce__(self) -> Any:
        """Leave the run behind, which is of this process."""
        return AutotrackCallback, (self._metric, self._mode)

    def attach(self, study: Study | None) -> None:
        """Log into a study that somebody else begins and finishes; None ends that."""
        self._study = study

    def setup(self, *args: Any, **info: Any) -> None:
        """Open the run of the search, where `enable` has not."""
        with shielded("beginning a search by Tune"):
            if self._study is None:
                run, new = take_run(None, source=SOURCE, tags={names.AUTOLOGGING: SOURCE})
                self._owned = run if new else None
                self._study = Study(run, self._metric, self._mode)

    def on_trial_start(self, iteration: int, trials: Sequence[Trial], trial: Trial, **info: Any) -> None:
        """Open the run of a trial."""
        with shielded("beginning a trial of Tune"):
            if self._study is not None:
                self._study.begin(trial)

    def on_trial_result(
        self,
        iteration: int,
        trials: Sequence[Trial],
        trial: Trial,
        result: dict[str, Any],
        **info: Any,
    ) -> None:
        """Record a report."""
        with shielded("recording a report of Tune"):
            ongoing = self._study.ongoing(trial) if self._study is not None else None
            if ongoing is not None:
                ongoing.report(trial, result)

    def on_trial_complete(self, iteration: int, trials: Sequence[Trial], trial: Trial, **info: Any) -> None:
        """Record what a trial came to."""
        with shielded("recording a trial of Tune"):
            if self._study is not None:
                self._study.complete(trial)

    def on_trial_error(self, iteration: int, trials: Sequence[Trial], trial: Trial, **info: Any) -> None:
        """Record why a trial failed."""
        with shielded("recording a failure of Tune"):
            if self._study is not None:
                self._study.end(trial, trial.status)

    def on_trial_recover(self, iteration: int, trials: Sequence[Trial], trial: Trial, **info: Any) -> None:
        """Take note of a failure after which Tune tries again."""
        with shielded("recording a failure of Tune"):
            ongoing = self._study.ongoing(trial) if self._study is not None else None
            if ongoing is not None:
                ongoing.recover(trial)

    def on_experiment_end(self, trials: Sequence[Trial], **info: Any) -> None:
        """Record all trials, and end what `setup` has begun."""
        study, self._study = self._study, None
        if study is not None:
            with shielded("recording the trials of Tune", study.run.note):
                study.finish(trials)
        if self._owned is not None:
            self._owned.end()
            self._owned = None
