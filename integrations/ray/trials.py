"""A trial of a search as a run: opened when the trial starts, with a point of each metric at every report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.trainable import FunctionTrainable

from autotrack import names
from autotrack.capture.secrets import mask_text
from autotrack.integrations.ray.results import numbers_of, params_of
from autotrack.integrations.ray.workers import trial_run_id
from autotrack.records import FAILED, FINISHED, INTERRUPTED
from autotrack.run import Run


class TrialRun:
    """The run of a trial. A trial is a training in a process of its own, so each has one, and from its start.

    Args:
        study_run: The run of the search.
        number: Which trial it is, from 0.
        trial: The trial.
    """

    def __init__(self, study_run: Run, number: int, trial: Trial) -> None:
        self._params = params_of(trial.config)
        self._run = Run(
            f"trial {number}",
            run_id=trial_run_id(study_run.id, trial.trial_id),
            experiment=study_run.experiment,
            parent_id=study_run.id,
            source=study_run.source,
            tags={names.AUTOLOGGING: "ray", "tune.trial_id": trial.trial_id},
        )
        self._run.log_params(self._params)

    def report(self, trial: Trial, result: Mapping[str, Any]) -> None:
        """Record what a trial reported; a scheduler may have changed its configuration meanwhile."""
        params = params_of(trial.config)
        step = int(result["training_iteration"])
        if params != self._params:
            changed = ", ".join(name for name, value in params.items() if self._params.get(name) != value)
            self._run.note("tune.config_changed", f"before report {step}: {changed}")
            self._run.log_params(params)
            self._params = params
        self._run.log_metrics(numbers_of(result), step)
        if result.get("done") and _is_function(trial):  # else the function itself would say that it is over
            self.stop_early()

    def stop_early(self) -> None:
        """Say that the trial has not come to its own end."""
        self._run.set_tag("tune.stopped_early", "true")

    def recover(self, trial: Trial) -> None:
        """Take note of a failure after which Tune tries again."""
        self._run.note("tune.retried", f"failed, and is tried again: {_error_of(trial)}", level="warning")

    def end(self, trial: Trial, status: str) -> None:
        """Say how the trial came out, and where its files are.

        Args:
            trial: The trial.
            status: In Tune's words; the trial's own comes a little later.
        """
        self._run.set_tags(
            {
                "tune.status": status,
                **({"tune.path": trial.path} if trial.path else {}),
                **({"tune.checkpoint": trial.checkpoint.path} if trial.checkpoint else {}),
            }
        )
        seconds = trial.last_result.get("time_total_s")
        if seconds is not None:
            self._run.log_metric("duration_seconds", seconds)
        if status == Trial.ERROR:
            self._run.end(FAILED, mask_text(_error_of(trial)).value)
        elif status == Trial.TERMINATED:
            self._run.end(FINISHED)
        else:
            self._run.end(INTERRUPTED, f"the search ended while the trial was {status}")


def _is_function(trial: Trial) -> bool:
    kind = trial.get_trainable_cls()  # type: ignore[no-untyped-call]
    return isinstance(kind, type) and issubclass(kind, FunctionTrainable)


def _error_of(trial: Trial) -> str:
    """Return what Tune wrote down of the last failure, all of them being in the same file."""
    try:
        return Path(trial.error_file or "").read_text().rpartition("\nFailure # ")[2]
    except OSError:
        return "the trial failed"
