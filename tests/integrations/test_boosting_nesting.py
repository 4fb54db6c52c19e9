"""Inside a search, an ensemble, a pipeline or a study a boosting library opens no run of its own, whatever is on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import catboost
import lightgbm
import numpy as np
import optuna
import pytest
import xgboost
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import autotrack
from autotrack.testing import MemoryBackend, MemoryRun

MODELS = {
    "xgboost": xgboost.XGBClassifier(n_estimators=2, n_jobs=1),
    "lightgbm": lightgbm.LGBMClassifier(n_estimators=2, n_jobs=1, verbosity=-1),
    "catboost": catboost.CatBoostClassifier(iterations=2, verbose=False, allow_writing_files=False, thread_count=1),
}
PARAMETER = {"xgboost": "max_depth", "lightgbm": "max_depth", "catboost": "depth"}
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture(params=["alone", "all"])
def on(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=list(MODELS))
def library(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def tracked(on: str, library: str) -> Iterator[Any]:
    name = os.urandom(4).hex()
    only = [library, "optuna"] if on == "alone" else []
    autotrack.enable(to=f"memory://{name}", only=only, capture=[], log_system_metrics=False)

    def only_root() -> MemoryRun:
        autotrack.flush()
        (run,) = MemoryBackend.named(name).roots
        return run

    yield only_root
    autotrack.disable()


def test_grid_search(tracked: Any, library: str, binary_data: Any) -> None:
    search = GridSearchCV(MODELS[library], {PARAMETER[library]: [1, 2]}, cv=2).fit(*binary_data)
    run = tracked()
    assert run.name == "GridSearchCV"
    assert run.params[f"best_{PARAMETER[library]}"] == search.best_params_[PARAMETER[library]]
    assert run.last("best_cv_score") == pytest.approx(search.best_score_)
    assert "cv_results.csv" in run.artifacts
    assert not any("-" in key for key in run.metrics)


def test_cross_validation(tracked: Any, library: str, binary_data: Any) -> None:
    cross_val_score(MODELS[library], *binary_data, cv=2)
    run = tracked()
    assert run.name.startswith("cross_val_score")
    assert run.models == []


def test_an_ensemble(tracked: Any, library: str, binary_data: Any) -> None:
    VotingClassifier([("a", LogisticRegression()), ("b", MODELS[library])]).fit(*binary_data)
    run = tracked()
    assert run.name == "VotingClassifier"
    assert "n_trees" not in run.metrics


def test_a_pipeline_has_the_iterations_of_its_last_step(tracked: Any, library: str, binary_data: Any, on: str) -> None:
    make_pipeline(StandardScaler(), MODELS[library]).fit(*binary_data)
    run = tracked()
    assert run.name == ("Pipeline" if on == "all" else type(MODELS[library]).__name__)
    assert run.last("n_trees") == 2
    assert len(run.models) == 1


def test_a_subclass_of_the_user(tracked: Any, library: str, binary_data: Any) -> None:
    class Mine(type(MODELS[library])):
        def fit(self, X: Any, y: Any) -> Any:
            return super().fit(X, y)

    Mine(**MODELS[library].get_params()).fit(*binary_data)
    run = tracked()
    assert run.last("n_trees") == 2
    assert len(run.metrics["training_accuracy_score"]) == 1
    assert [model.flavors for model in run.models] == [sorted([library, "python_function"])]


def test_a_study(tracked: Any, library: str, binary_data: Any) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: Any) -> float:
        MODELS[library].fit(*binary_data)
        return trial.suggest_float("x", 0.0, 1.0)

    study = optuna.create_study()
    study.optimize(objective, n_trials=3)
    run = tracked()
    assert run.name == "Study"
    assert [value for _, value in run.metrics["value"]] == [trial.value for trial in study.trials]
    assert run.last("best_value") == study.best_value
    assert "trials.csv" in run.artifacts


def test_native_trainings_in_a_study_are_recorded_in_their_trial(binary_data: Any) -> None:
    X, y = binary_data
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: Any) -> float:
        eta = trial.suggest_float("eta", 0.1, 0.5)
        booster = xgboost.train({"eta": eta, "nthread": 1, "objective": "binary:logistic"}, xgboost.DMatrix(X, y), 2)
        return float(np.mean(booster.predict(xgboost.DMatrix(X))))

    autotrack.enable(to="memory://study", capture=[], log_system_metrics=False)
    try:
        optuna.create_study().optimize(objective, n_trials=2)
        autotrack.flush()
    finally:
        autotrack.disable()
    study, *trials = MemoryBackend.named("study").runs
    assert (study.name, [run.name for run in trials]) == ("Study", ["trial 0", "trial 1"])
    assert all(run.parent_id == study.id and run.last("n_trees") == 2 for run in trials)


def test_a_search_without_such_a_model_leaves_no_trace(binary_data: Any) -> None:
    autotrack.enable(to="memory://no-trace", only=["xgboost"], capture=[], log_system_metrics=False)
    try:
        GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, cv=2).fit(*binary_data)
        autotrack.flush()
    finally:
        autotrack.disable()
    assert MemoryBackend.named("no-trace").runs == []
