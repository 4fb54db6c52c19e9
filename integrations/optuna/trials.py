"""A trial as a run: opened while the trial lasts by the first thing recorded in it, or written when all is over."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from optuna.trial import BaseTrial, FrozenTrial, Trial, TrialState

from autotrack import names
from autotrack.active import end_with_process
from autotrack.capture.arguments import plain
from autotrack.integration import Patcher
from autotrack.records import FAILED, FINISHED, INTERRUPTED
from autotrack.run import Run
from autotrack.shield import shielded
from autotrack.values import to_metric

if TYPE_CHECKING:
    from optuna.study import Study

INTERMEDIATE = "intermediate_value"
_ongoing: weakref.WeakKeyDictionary[Trial, OngoingTrial] = weakref.WeakKeyDictionary()


class OngoingTrial:
    """A trial that is under way, and the run it would have.

    A search may try thousands of points in a second, so a trial gets a run only when something else is recorded in it:
    a training, or what the objective logs itself.

    Args:
        study_run: The run of its study.
        trial: The trial, which is held weakly: it holds its study, whose end is to be noticed.
        recorded: Takes the number of the trial when its run is opened.
    """

    def __init__(self, study_run: Run, trial: Trial, recorded: set[int]) -> None:
        self.number = trial.number
        self._study_run = study_run
        self._trial = weakref.ref(trial)
        self._recorded = recorded
        self._reported: dict[int, float] = {}
        self._run: Run | None = None
        self._over = False
        self._opening = threading.RLock()  # the objective may train on several threads
        _ongoing[trial] = self

    def open(self) -> Run | None:
        """Return the run of the trial, which begins with what the trial has suggested and reported so far.

        A thread that outlives the trial finds none that it could open.
        """
        with self._opening:
            if self._run is None and not self._over:
                self._recorded.add(self.number)
                self._run = _begin(self._study_run, self.number)
                end_with_process(self._run)
                trial = self._trial()
                if trial is not None:
                    self._run.log_params({name: plain(value) for name, value in trial.params.items()})
                for step, value in self._reported.items():
                    self._run.log_metric(INTERMEDIATE, value, step)
            return self._run

    def report(self, value: float, step: int) -> None:
        """Take down an intermediate value; of two for the same step Optuna takes the first."""
        if step in self._reported:
            return
        self._reported[step] = value
        if self._run is not None:
            self._run.log_metric(INTERMEDIATE, value, step)

    def describe(
        self, trial: BaseTrial, state: TrialState, labels: Sequence[str], values: Sequence[float] | None
    ) -> None:
        """Log how the trial came out, if it has a run.

        Args:
            trial: The trial, or what Optuna has stored of it.
            state: What became of it.
            labels: Names of the values.
            values: What the objective came to, if it did.
        """
        if self._run is not None:
            _describe(self._run, trial, state)
            _log_values(self._run, labels, values)

    def end(self, state: TrialState, error: BaseException | None = None) -> None:
        """End the run, if there is one.

        Args:
            state: What became of the trial; one that was pruned did what it should.
            error: What the objective raised.
        """
        with self._opening:
            self._over = True
        if self._run is None:
            return
        if error is not None and state == TrialState.FAIL:
            self._run.end_with(error)
        else:
            self._run.end(*_status(state))


def watch_reports(patcher: Patcher, kind: type[Trial]) -> None:
    """Listen to the intermediate values that trials report."""

    def make(original: Callable[..., None]) -> Callable[..., None]:
        def autotrack_report(self: Trial, value: float, step: int) -> None:
            __tracebackhide__ = True
            original(self, value, step)
            ongoing = _ongoing.get(self) if patcher.live else None
            if ongoing is not None:
                with shielded("recording an intermediate value"):
                    ongoing.report(number_of(value), int(step))

        return autotrack_report

    patcher.wrap(kind, "report", make)


def log_afterwards(study_run: Run, trial: FrozenTrial, labels: Sequence[str]) -> None:
    """Write the run of a trial that is over.

    Args:
        study_run: The run of its study.
        trial: The trial.
        labels: Names of its values.
    """
    run = _begin(study_run, trial.number)
    for step, value in sorted(trial.intermediate_values.items()):
        run.log_metric(INTERMEDIATE, value, step)
    if trial.duration is not None:
        run.log_metric("duration_seconds", trial.duration.total_seconds())
    _describe(run, trial, trial.state)
    _log_values(run, labels, trial.values)
    run.end(*_status(trial.state))


def number_of(value: Any) -> float:
    """Return a value as Optuna takes it: texts of numbers too; a tensor that has gradients draws no second warning.

    Raises:
        TypeError, ValueError: It is no number.
    """
    return float(value) if isinstance(value, str) else to_metric(value)


def value_names(study: Study) -> list[str]:
    """Return the names of the values of trials: those the program has set, else numbered."""
    chosen = study.metric_names
    count = len(study.directions)
    return list(chosen) if chosen else ["value"] if count == 1 else [f"value_{at}" for at in range(count)]


def _begin(study_run: Run, number: int) -> Run:
    return Run(
        f"trial {number}",
        experiment=study_run.experiment,
        parent_id=study_run.id,
        source=study_run.source,
        tags={names.AUTOLOGGING: "optuna", "optuna.trial_number": str(number)},
    )


def _describe(run: Run, trial: BaseTrial, state: TrialState) -> None:
    run.log_params({name: plain(value) for name, value in trial.params.items()})
    run.set_tags(
        {
            "optuna.state": state.name,
            **{f"{name}_distribution": each for name, each in trial.distributions.items()},
            **{f"user_attrs.{name}": plain(value) for name, value in trial.user_attrs.items()},
        }
    )


def _log_values(run: Run, labels: Sequence[str], values: Sequence[float] | None) -> None:
    run.log_metrics(dict(zip(labels, values or (), strict=False)))  # one that was pruned has no, or one value


def _status(state: TrialState) -> tuple[str, str | None]:
    if state == TrialState.FAIL:
        return FAILED, "the trial failed"
    if state == TrialState.RUNNING:
        return INTERRUPTED, "nobody told how the trial came out"
    return FINISHED, None
