"""The run of a study: what it begins with, and what all its trials together tell at its end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optuna.distributions import distribution_to_json
from optuna.trial import FrozenTrial, TrialState

from autotrack import names, naming
from autotrack.capture.arguments import plain
from autotrack.integrations.optuna.trials import log_afterwards, value_names
from autotrack.recording import current_recorder
from autotrack.run import Run

if TYPE_CHECKING:
    from optuna.study import Study

SOURCE = "optuna"
PARETO_FRONT = "pareto_front.csv"
SEARCH_SPACE = "search_space.json"
_UNNAMED = "no-name-"
_NOT_LOGGED = ("func", "callbacks", "show_progress_bar")


def run_name(study: Study) -> str:
    """Return the name of a study's run: the setting's, else the study's if somebody chose it."""
    chosen = "Study" if study.study_name.startswith(_UNNAMED) else study.study_name
    return naming.run_name(chosen)


def tags_of(study: Study) -> dict[str, str]:
    """Return the tags of a study's run."""
    return {names.AUTOLOGGING: SOURCE, "optuna.study_name": study.study_name}


def log_beginning(run: Run, study: Study, arguments: Mapping[str, Any]) -> None:
    """Log how a study searches.

    Args:
        run: Its run.
        study: The study.
        arguments: Of `optimize`; empty where the program asks for trials one by one.
    """
    directions = [direction.name.lower() for direction in study.directions]
    run.log_params(
        {
            "study_name": study.study_name,
            **({"direction": directions[0]} if len(directions) == 1 else {"directions": directions}),
            "sampler": type(study.sampler).__name__,
            "pruner": type(study.pruner).__name__,
            **{name: plain(value) for name, value in arguments.items() if name not in _NOT_LOGGED},
        }
    )


def log_results(run: Run, study: Study, recorded: set[int]) -> None:
    """Log what all trials of a study tell, also those of other processes and earlier calls.

    Args:
        run: Its run.
        study: The study.
        recorded: Numbers of the trials that have a run of their own already.
    """
    trials = study.get_trials(deepcopy=False)
    labels = value_names(study)
    states = Counter(trial.state for trial in trials)
    run.log_metrics({"n_trials": len(trials), **{f"n_{state.name.lower()}": n for state, n in states.items()}})
    run.set_tags({f"user_attrs.{key}": plain(value) for key, value in study.user_attrs.items()})
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    best = study.best_trials if done else []
    _log_best(run, best, labels)
    run.defer("writing the trials", lambda: _write_tables(run, trials, best, labels))
    _log_children(run, _best_first(study, best, done), recorded, labels)


def _log_best(run: Run, best: Sequence[FrozenTrial], labels: Sequence[str]) -> None:
    """Log the best trial; of several objectives, how many trials no other one beats in all of them."""
    if len(labels) > 1:
        run.log_metric("n_pareto_front", len(best))
    elif best:
        run.log_params({f"best_{name}": plain(value) for name, value in best[0].params.items()})
        run.log_metrics({f"best_{labels[0]}": best[0].values[0], "best_trial": best[0].number})


def _best_first(study: Study, best: Sequence[FrozenTrial], done: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that are complete, the best first; of several objectives, the first one orders the others."""
    sign = -1.0 if study.directions[0].name == "MAXIMIZE" else 1.0
    chosen = {trial.number for trial in best}
    return sorted(done, key=lambda trial: (trial.number not in chosen, sign * trial.values[0], trial.number))


def _log_children(run: Run, trials: Sequence[FrozenTrial], recorded: set[int], labels: Sequence[str]) -> None:
    """Give the best trials a run of their own, as far as they have none."""
    shown = trials[: current_recorder().settings.max_child_runs]
    for trial in shown:
        if trial.number not in recorded:
            log_afterwards(run, trial, labels)
    without = len({trial.number for trial in trials} - {trial.number for trial in shown} - recorded)
    if without:
        run.note(
            "search.children", f"{without} of {len(trials)} trials have no run of their own; all are in {names.TRIALS}"
        )


def _write_tables(run: Run, trials: Sequence[FrozenTrial], best: Sequence[FrozenTrial], labels: Sequence[str]) -> None:
    run.log_table(_columns(trials, labels), names.TRIALS)
    if len(labels) > 1 and best:
        run.log_table(_columns(best, labels), PARETO_FRONT)
    space = {name: each for trial in trials for name, each in trial.distributions.items()}
    run.log_dict({name: json.loads(distribution_to_json(each)) for name, each in space.items()}, SEARCH_SPACE)


def _columns(trials: Sequence[FrozenTrial], labels: Sequence[str]) -> dict[str, list[Any]]:
    """Return a table with a row for each trial, with Optuna's names of the columns."""
    params = dict.fromkeys(name for trial in trials for name in trial.params)
    attributes = dict.fromkeys(name for trial in trials for name in trial.user_attrs)
    return {
        "number": [trial.number for trial in trials],
        "state": [trial.state.name for trial in trials],
        **{label: [_at(trial.values, at) for trial in trials] for at, label in enumerate(labels)},
        "duration_seconds": [trial.duration.total_seconds() if trial.duration else None for trial in trials],
        **{f"params_{name}": [plain(trial.params.get(name)) for trial in trials] for name in params},
        **{f"user_attrs_{name}": [plain(trial.user_attrs.get(name)) for trial in trials] for name in attributes},
    }


def _at(values: Sequence[float] | None, position: int) -> float | None:
    """Return one value of a trial; one that was pruned has at most the first."""
    return values[position] if values is not None and position < len(values) else None
