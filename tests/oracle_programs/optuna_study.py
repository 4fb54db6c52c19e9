"""Optuna: a study with pruning, a trial that fails, and what it finds; the sampler draws the same numbers."""

from __future__ import annotations

import optuna
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

optuna.logging.set_verbosity(optuna.logging.WARNING)
X, y = load_iris(return_X_y=True)
asked = 0


def objective(trial: optuna.Trial) -> float:
    """Train a tree, in steps that may be pruned."""
    global asked  # noqa: PLW0603 - the program counts
    asked += 1
    if trial.number == 4:
        raise ZeroDivisionError("as some do")
    depth = trial.suggest_int("depth", 1, 6)
    scores = []
    for step in range(3):
        tree = DecisionTreeClassifier(
            max_depth=depth, min_samples_leaf=trial.suggest_int("leaf", 1, 9), random_state=step
        )
        scores.append(float(cross_val_score(tree, X, y, cv=3).mean()))
        trial.report(scores[-1], step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return max(scores)


study = optuna.create_study(
    direction="maximize",
    sampler=optuna.samplers.TPESampler(seed=1),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=2),
)
study.optimize(objective, n_trials=12, catch=(ZeroDivisionError,))
found = [(trial.state.name, trial.params, trial.values, dict(trial.intermediate_values)) for trial in study.trials]
best, attributes = study.best_params, study.user_attrs
del study
