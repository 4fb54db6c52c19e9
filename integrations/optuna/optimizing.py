"""`Study.optimize` as one run, with what the objective trains below the trial that trained it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from optuna.exceptions import TrialPruned
from optuna.trial import Trial, TrialState

from autotrack.integration import Call, CallFailedError, Observer, Patcher
from autotrack.integrations.optuna.asking import open_studies
from autotrack.integrations.optuna.studies import log_beginning, log_results, run_name, tags_of
from autotrack.integrations.optuna.trials import OngoingTrial, number_of, value_names
from autotrack.recording import current_recorder
from autotrack.run import Run

if TYPE_CHECKING:
    from optuna.study import Study


def optimize_observer(patcher: Patcher) -> Observer:
    """Return what observes `optimize`; its trials are observed by the same patcher."""

    def observe_optimize(call: Call) -> Iterator[None]:
        study = call.instance
        arguments = call.arguments()
        open_studies.close(study)
        with call.run(name=run_name(study), tags=tags_of(study)) as run:
            log_beginning(run, study, arguments)
            trials = _Trials(run, study)
            if current_recorder().settings.max_child_runs:
                call.replace(func=patcher.observed(arguments["func"], trials.observe, nested=True))
            try:
                yield
            finally:
                log_results(run, study, trials.recorded)

    return observe_optimize


class _Trials:
    """The trials of one call, on however many threads.

    Attributes:
        recorded: Numbers of those that have a run of their own.
    """

    def __init__(self, run: Run, study: Study) -> None:
        self._run = run
        self._labels = value_names(study)
        self.recorded: set[int] = set()

    def observe(self, call: Call) -> Iterator[None]:
        """Observe a call of the objective."""
        trial: Trial = call.args[0]
        ongoing = OngoingTrial(self._run, trial, self.recorded)
        call.host(ongoing)
        try:
            yield
        except CallFailedError:
            error = call.error
            state = TrialState.PRUNED if isinstance(error, TrialPruned) else TrialState.FAIL
            ongoing.describe(trial, state, self._labels, None)
            ongoing.end(state, error)
            raise
        finally:
            call.add_overhead(self._run)
        values = _values(call.result, len(self._labels))
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        if values is not None:  # at once, so that a study can be watched while it goes on
            self._run.log_metrics(dict(zip(self._labels, values, strict=True)), trial.number)
        ongoing.describe(trial, state, self._labels, values)
        ongoing.end(state)


def _values(result: Any, count: int) -> list[float] | None:
    """Return what an objective returned as numbers; None for what Optuna counts as a failure."""
    found = list(result) if isinstance(result, Sequence) else [result]
    try:
        values = [number_of(value) for value in found]
    except (TypeError, ValueError):
        return None
    return values if len(values) == count and not any(math.isnan(value) for value in values) else None
