"""The run of a search by Tune: how it searches, what its trials come to as they end, all of them at its end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.search.sample import Domain

from autotrack.capture.arguments import PLAIN, plain
from autotrack.integrations.ray.results import flat, numbers_of, params_of
from autotrack.integrations.ray.trials import TrialRun
from autotrack.naming import run_name
from autotrack.recording import current_recorder
from autotrack.run import Run

SOURCE = "ray"
TRIALS = "trials.csv"
SEARCH_SPACE = "search_space.json"
_LOGGED = ("num_samples", "stop", "time_budget_s", "resources_per_trial", "max_concurrent_trials", "max_failures")


class Study:
    """A search that is under way.

    Args:
        run: Its run.
        metric: What the search is for; None where nobody has said.
        mode: "min" or "max".
    """

    def __init__(self, run: Run, metric: str | None, mode: str | None) -> None:
        self.run = run
        self._metric = metric
        self._sign = -1.0 if mode == "max" else 1.0
        self._numbers: dict[str, int] = {}
        self._ongoing: dict[str, TrialRun] = {}
        self._with_trials = current_recorder().settings.max_child_runs > 0

    def begin(self, trial: Trial) -> None:
        """Open the run of a trial, unless it is one that starts again."""
        number = self._numbers.setdefault(trial.trial_id, len(self._numbers))
        if self._with_trials and trial.trial_id not in self._ongoing:
            self._ongoing[trial.trial_id] = TrialRun(self.run, number, trial)

    def ongoing(self, trial: Trial) -> TrialRun | None:
        """Return the run of a trial, if it has one."""
        return self._ongoing.get(trial.trial_id)

    def complete(self, trial: Trial) -> None:
        """Record at once what a trial came to, so that a search can be watched while it goes on."""
        value = self._value(trial)
        if value is not None and self._metric is not None:
            self.run.log_metric(self._metric, value, self._numbers.get(trial.trial_id, 0))
        self.end(trial, Trial.TERMINATED)

    def end(self, trial: Trial, status: str) -> None:
        """End the run of a trial, if it has one that is open."""
        ongoing = self._ongoing.pop(trial.trial_id, None)
        if ongoing is not None:
            ongoing.end(trial, status)

    def finish(self, trials: Sequence[Trial]) -> None:
        """Record all trials, and end their runs."""
        for trial in trials:
            ongoing = self.ongoing(trial)
            if ongoing is not None:  # a time budget, or Ctrl-C: Tune calls what it cuts off terminated as well
                ongoing.stop_early()
            self.end(trial, trial.status)
        states = Counter(trial.status.lower() for trial in trials)
        self.run.log_metrics({"n_trials": len(trials), **{f"n_{state}": count for state, count in states.items()}})
        self._log_best(trials)
        table = _columns(trials)
        self.run.defer("writing the trials", lambda: self.run.log_table(table, TRIALS))
        if not self._with_trials:
            self.run.note("search.children", f"trials have no run of their own; all are in {TRIALS}")

    def _log_best(self, trials: Sequence[Trial]) -> None:
        """Log the trial whose last report is the best, as `ResultGrid.get_best_result` finds it."""
        found = [
            (self._sign * value, at) for at, trial in enumerate(trials) if (value := self._value(trial)) is not None
        ]
        if not found:
            return
        signed, at = min(found)
        best = trials[at]
        self.run.log_params({f"best_{name}": value for name, value in params_of(best.config).items()})
        self.run.log_metric(f"best_{self._metric}", self._sign * signed)
        self.run.set_tag("tune.best_trial", best.trial_id)

    def _value(self, trial: Trial) -> float | None:
        value = numbers_of(trial.last_result or {}).get(self._metric or "")
        return None if value is None or math.isnan(value) else value


def log_beginning(run: Run, arguments: Mapping[str, Any]) -> None:
    """Log how a search searches.

    Args:
        run: Its run.
        arguments: Of `tune.run`, which `Tuner.fit` calls.
    """
    given = {name: plain(arguments[name]) for name in _LOGGED if arguments.get(name) is not None}
    run.log_params(
        {
            "trainable": _name_of(arguments["run_or_experiment"]),
            **{name: arguments[name] for name in ("metric", "mode") if arguments[name] is not None},
            "search_alg": _word(arguments["search_alg"], "BasicVariantGenerator"),
            "scheduler": _word(arguments["scheduler"], "FIFOScheduler"),
            **given,
        }
    )
    space = {name: _domain(value) for name, value in flat(arguments["config"] or {})}
    if space:
        run.log_dict(space, SEARCH_SPACE)


def study_name(arguments: Mapping[str, Any]) -> str:
    """Return the name of a search's run: the setting's, else what somebody chose, else what is searched for."""
    return run_name(arguments["name"] or f"Tune {_name_of(arguments['run_or_experiment'])}")


def _name_of(trainable: Any) -> str:
    return str(trainable if isinstance(trainable, str) else getattr(trainable, "__name__", type(trainable).__name__))


def _word(given: Any, default: str) -> str:
    return default if given is None else given if isinstance(given, str) else type(given).__name__


def _domain(value: Any) -> Any:
    """Return what a parameter is drawn from, in words that JSON has."""
    if isinstance(value, Domain):
        sampler = value.get_sampler()  # type: ignore[no-untyped-call]
        step = getattr(sampler, "q", None)
        return {
            "type": type(value).__name__,
            "sampler": str(getattr(sampler, "sampler", sampler)),
            "values": value.domain_str,
            **({"step": step} if step is not None else {}),
        }
    return value if isinstance(value, PLAIN) else str(plain(value))


def _columns(trials: Sequence[Trial]) -> dict[str, list[Any]]:
    """Return a table with a row for each trial: its last report, with Ray's names of the columns."""
    results = [trial.last_result or {} for trial in trials]
    metrics = [numbers_of(result) for result in results]
    configs = [params_of(trial.config) for trial in trials]
    return {
        "trial_id": [trial.trial_id for trial in trials],
        "status": [trial.status for trial in trials],
        "training_iteration": [result.get("training_iteration") for result in results],
        "time_total_s": [result.get("time_total_s") for result in results],
        **{
            name: [each.get(name) for each in metrics]
            for name in dict.fromkeys(key for each in metrics for key in each)
        },
        **{
            f"config/{name}": [each.get(name) for each in configs]
            for name in dict.fromkeys(key for each in configs for key in each)
        },
    }
