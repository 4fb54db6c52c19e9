"""Searches and cross-validation of every kind: one run each, with all candidates and folds."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_diabetes, load_wine
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - scikit-learn's switch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.model_selection._search import BaseSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import autotrack

if TYPE_CHECKING:
    from tests.integrations.conftest import Recorded

X, y = load_wine(return_X_y=True)
XD, yd = load_diabetes(return_X_y=True)


def table(run: Any, path: str) -> list[dict[str, str]]:
    with (Path(".autotrack/artifacts") / run.id / path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_grid_search_is_one_run_with_all_candidates(recorded: Recorded) -> None:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    grid = {"logisticregression__C": [0.01, 0.1, 1.0], "logisticregression__fit_intercept": [True, False]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    run = recorded.only
    assert run.name == "GridSearchCV"
    assert run.params["cv"] == 3
    assert run.params["param_grid"] == grid
    assert "logisticregression__C" not in run.params
    assert {name: run.params[f"best_{name}"] for name in search.best_params_} == search.best_params_
    assert run.last("best_cv_score") == search.best_score_
    with autotrack.paused():
        assert run.last("training_score") == search.score(X, y) == run.last("training_accuracy_score")
    rows = table(run, "cv_results.csv")
    assert [float(row["mean_test_score"]) for row in rows] == search.cv_results_["mean_test_score"].tolist()
    assert {"split0_test_score", "split2_test_score", "param_logisticregression__C"} <= set(rows[0])
    assert {model.name for model in run.models} == {"model", "best_estimator"}
    assert any("5 of 6 candidates" in note.message for note in run.notes)


def test_children_are_the_best_candidates_with_all_their_params(recorded: Recorded) -> None:
    search = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3]}, cv=4).fit(X, y)
    children = recorded.children(recorded.only)
    ranks = [child.last("rank_test_score") for child in children]
    assert ranks == sorted(ranks)
    assert children[0].params["max_depth"] == search.best_params_["max_depth"]
    assert children[0].params["criterion"] == "gini"
    assert children[0].name == f"max_depth={search.best_params_['max_depth']}"
    assert children[0].last("mean_test_score") == search.best_score_
    best = search.best_index_
    folds = [(fold, search.cv_results_[f"split{fold}_test_score"][best]) for fold in range(4)]
    assert children[0].metrics["split_test_score"] == folds
    assert {child.status for child in children} == {"finished"}


@pytest.mark.parametrize("jobs", [1, 2, -1])
def test_the_tree_is_the_same_for_any_number_of_jobs(recorded: Recorded, jobs: int) -> None:
    GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=2, n_jobs=jobs).fit(X, y)
    assert [run.name for run in recorded.roots] == ["GridSearchCV"]
    assert sorted(run.name for run in recorded.children(recorded.only)) == [
        "var_smoothing=0.001",
        "var_smoothing=1e-09",
    ]


def test_several_metrics_rank_by_the_one_that_is_refit_for(recorded: Recorded) -> None:
    search = GridSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"max_depth": [1, 4]},
        scoring=["accuracy", "f1_macro"],
        refit="f1_macro",
    ).fit(X, y)
    run = recorded.only
    (best, _other) = recorded.children(run)
    assert best.last("rank_test_f1_macro") == 1
    assert len(best.metrics["split_test_accuracy"]) == len(best.metrics["split_test_f1_macro"]) == 5
    with autotrack.paused():
        assert run.last("training_score") == pytest.approx(search.score(X, y))


def test_random_halving_and_foreign_searches(recorded: Recorded) -> None:
    class Foreign(BaseSearchCV):
        """What BayesSearchCV and its like are: a subclass with a search of its own."""

        def __init__(self, estimator: Any) -> None:
            super().__init__(estimator)

        def _run_search(self, evaluate_candidates: Any) -> None:
            evaluate_candidates([{"alpha": 1.0}])
            evaluate_candidates([{"alpha": 2.0}])

    RandomizedSearchCV(Ridge(), {"alpha": loguniform(0.1, 10)}, n_iter=3, random_state=0).fit(XD, yd)
    HalvingGridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2, 3, 4]}, cv=2, random_state=0).fit(X, y)
    Foreign(Ridge()).fit(XD, yd)
    randomized, halving, foreign = recorded.roots
    assert randomized.params["param_distributions"] == {"alpha": "loguniform(0.1, 10)"}
    assert len(recorded.children(randomized)) == 3
    assert [step for step, _ in halving.metrics["halving_resources"]] == [0, 1]
    names = [child.name for child in recorded.children(halving)]
    assert len(names) == len(set(names)) == 4, "a candidate is shown once, at its last iteration"
    assert recorded.children(halving)[0].last("iter") == 1
    assert foreign.name == "Foreign"
    assert foreign.params["best_alpha"] in {1.0, 2.0}


def test_a_search_without_refit_says_what_is_missing(recorded: Recorded) -> None:
    GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, refit=False).fit(X, y)
    run = recorded.only
    assert any("did not refit" in note.message for note in run.notes)
    assert run.last("best_cv_score") > 0.5


def test_candidates_that_fail_are_failed_runs(recorded: Recorded) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, -1.0]}).fit(X, y)
    statuses = {run.params["var_smoothing"]: run.status for run in recorded.children(recorded.only)}
    assert statuses == {1e-9: "finished", -1.0: "failed"}
    assert recorded.only.status == "finished"


def test_no_children_where_none_are_wanted(request: pytest.FixtureRequest) -> None:
    from autotrack.testing import MemoryBackend

    autotrack.enable(to=f"memory://{request.node.nodeid}", max_child_runs=0, capture=[], log_system_metrics=False)
    GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}).fit(X, y)
    autotrack.disable()
    assert len(MemoryBackend.named(request.node.nodeid).runs) == 1


def test_cross_validation_imported_before_tracking_is_recorded(recorded: Recorded) -> None:
    scores = cross_val_score(GaussianNB(), X, y, cv=3)
    run = recorded.only
    assert run.name == "cross_val_score GaussianNB"
    assert run.params["var_smoothing"] == 1e-9
    assert run.params["cross_val_score.cv"] == 3
    assert run.metrics["test_score"] == list(enumerate(scores))
    assert run.last("mean_test_score") == scores.mean()
    assert run.last("std_test_score") == scores.std()
    assert [float(row["test_score"]) for row in table(run, "cv_folds.csv")] == scores.tolist()
    assert len(recorded.runs) == 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_cross_validate_with_several_metrics(recorded: Recorded, jobs: int) -> None:
    result = cross_validate(
        GaussianNB(),
        X,
        y,
        scoring=["accuracy", "f1_macro"],
        return_train_score=True,
        return_estimator=True,
        n_jobs=jobs,
    )
    run = recorded.only
    for name in ("test_accuracy", "test_f1_macro", "train_accuracy", "fit_time"):
        assert run.metrics[name] == list(enumerate(result[name])), name
    assert len(table(run, "cv_folds.csv")) == 5
    assert len(recorded.runs) == 1


def test_out_of_fold_predictions_are_evaluated(recorded: Recorded) -> None:
    labels = cross_val_predict(GaussianNB(), X, y)
    cross_val_predict(GaussianNB(), X, y, method="predict_proba")
    cross_val_predict(Ridge(), XD, yd.round())
    first, second, third = recorded.roots
    assert first.last("cross_validation_accuracy_score") == (labels == y).mean()
    assert second.last("cross_validation_roc_auc") > 0.9
    assert third.evaluations["cross_validation"]["task"] == "regression"


def test_curves_and_permutations(recorded: Recorded) -> None:
    sizes, _train, test = learning_curve(GaussianNB(), X, y, train_sizes=[0.5, 1.0], shuffle=True, random_state=0)
    _train, validated = validation_curve(Ridge(), XD, yd, param_name="alpha", param_range=[0.1, 1.0, 10.0])
    score, permuted, p_value = permutation_test_score(GaussianNB(), X, y, n_permutations=4)
    learning, validation, permutation = recorded.roots
    assert learning.metrics["mean_test_score"] == [(int(n), row.mean()) for n, row in zip(sizes, test, strict=True)]
    assert len(table(learning, "cv_folds.csv")) == 10
    assert validation.metrics["mean_test_score"] == [(at, row.mean()) for at, row in enumerate(validated)]
    assert [row["alpha"] for row in table(validation, "cv_folds.csv")][::5] == ["0.1", "1.0", "10.0"]
    assert permutation.last("test_score") == score
    assert permutation.last("p_value") == p_value
    assert permutation.metrics["permutation_score"] == list(enumerate(permuted))


def test_a_call_that_fails_is_a_failed_run(recorded: Recorded) -> None:
    with pytest.raises(ValueError, match="cv"):
        cross_val_score(GaussianNB(), X, y, cv=0)
    assert not recorded.runs, "the arguments were refused before anything ran"
    with pytest.raises(ValueError, match="n_splits=99"):
        cross_val_score(GaussianNB(), X, y, cv=99)
    assert recorded.only.status == "failed"


def test_the_functions_are_the_same_objects_throughout() -> None:
    import pickle

    from sklearn import model_selection

    cell = next(c for c in cross_val_score.__closure__ if callable(c.cell_contents))
    before = cell.cell_contents
    autotrack.enable(to="memory://same", capture=[], log_system_metrics=False)
    assert model_selection.cross_val_score is cross_val_score
    assert pickle.loads(pickle.dumps(cross_val_score)) is cross_val_score
    autotrack.disable()
    assert cell.cell_contents is before
    assert np.isfinite(cross_val_score(GaussianNB(), X, y)).all()
