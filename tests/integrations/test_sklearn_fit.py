"""One fit is one run: what is in it, and that its numbers are scikit-learn's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine, make_multilabel_classification
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

import autotrack
from autotrack.run import Run

if TYPE_CHECKING:
    from tests.integrations.conftest import Recorded

X, y = load_breast_cancer(return_X_y=True)
XW, yw = load_wine(return_X_y=True)
XD, yd = load_diabetes(return_X_y=True)


def notes(run: Any) -> dict[str, str]:
    return {note.code: note.message for note in run.notes}


def artifact(run: Any, path: str) -> Any:
    return json.loads((Path(".autotrack/artifacts") / run.id / path).read_text())


def test_a_classifier_is_recorded_whole(recorded: Recorded) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(X, y)
    run = recorded.only
    assert (run.name, run.status, run.source) == ("Pipeline", "finished", "sklearn")
    assert run.tags["mlflow.autologging"] == "sklearn"
    assert run.tags["estimator_name"] == "Pipeline"
    assert run.tags["estimator_class"] == "sklearn.pipeline.Pipeline"
    assert run.params["logisticregression__C"] == 0.5
    assert run.params["logisticregression__max_iter"] == 100
    assert run.params["memory"] is None
    assert run.params["verbose"] is False
    assert [note.code for note in run.notes] == ["model.format"]
    (data,) = run.datasets
    assert data.context == "train"
    assert data.profile["class_balance"] == {"1": 357, "0": 212}
    files = {"estimator.html", "coefficients.json", "model/MLmodel", "model/model.pkl", "model/requirements.txt"}
    assert files <= set(run.artifacts)
    coefficients = artifact(run, "coefficients.json")
    assert np.array_equal(list(coefficients.values()), model[-1].coef_[0])
    assert [saved.name for saved in run.models] == ["model"]
    assert run.evaluations["training"]["task"] == "binary"
    assert 0 < run.last("autotrack.overhead_seconds") < 5


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        RandomForestClassifier(n_estimators=5, random_state=0),
        make_pipeline(StandardScaler(), MLPClassifier((9,), max_iter=3000, random_state=0)),
        RidgeClassifier(),
    ],
    ids=["linear", "forest", "network", "ridge"],
)
def test_training_metrics_of_a_classifier_are_those_of_scikit_learn(recorded: Recorded, model: Any) -> None:
    model.fit(XW[:, :3] / 10, yw)
    run = recorded.only
    expected = expected_of_classifier(model)
    assert {key: run.last(key) for key in expected} == pytest.approx(expected, abs=1e-12)


@autotrack.paused()
def expected_of_classifier(model: Any) -> dict[str, float]:
    predicted = model.predict(XW[:, :3] / 10)
    expected = {
        "training_accuracy_score": metrics.accuracy_score(yw, predicted),
        "training_precision_score": metrics.precision_score(yw, predicted, average="weighted"),
        "training_recall_score": metrics.recall_score(yw, predicted, average="weighted"),
        "training_f1_score": metrics.f1_score(yw, predicted, average="weighted"),
        "training_score": model.score(XW[:, :3] / 10, yw),
    }
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(XW[:, :3] / 10)
        expected["training_log_loss"] = metrics.log_loss(yw, probabilities)
        expected["training_roc_auc"] = metrics.roc_auc_score(yw, probabilities, multi_class="ovr", average="weighted")
    return expected


def test_training_metrics_of_a_regressor(recorded: Recorded) -> None:
    weights = np.linspace(1, 2, len(yd))
    model = LinearRegression().fit(XD, yd, sample_weight=weights)
    run = recorded.only
    with autotrack.paused():
        predicted = model.predict(XD)
        expected = {
            "training_mean_squared_error": metrics.mean_squared_error(yd, predicted, sample_weight=weights),
            "training_mean_absolute_error": metrics.mean_absolute_error(yd, predicted, sample_weight=weights),
            "training_root_mean_squared_error": metrics.root_mean_squared_error(yd, predicted, sample_weight=weights),
            "training_r2_score": metrics.r2_score(yd, predicted, sample_weight=weights),
            "training_score": model.score(XD, yd, weights),
        }
    assert {key: run.last(key) for key in expected} == pytest.approx(expected, rel=1e-12)
    assert run.params["fit.sample_weight"] is True
    assert run.evaluations["training"]["task"] == "regression"


def test_a_boosting_leaves_its_curve_and_its_importances(recorded: Recorded) -> None:
    model = GradientBoostingRegressor(n_estimators=7).fit(XD, yd)
    run = recorded.only
    assert run.metrics["train_score"] == [(step, value) for step, value in enumerate(model.train_score_.tolist())]
    importances = artifact(run, "feature_importance.json")
    assert list(importances) == [f"x{at}" for at in range(10)]
    assert np.array_equal(list(importances.values()), model.feature_importances_)


def test_names_of_a_frame_reach_importances_and_signature(recorded: Recorded) -> None:
    frame, target = load_wine(return_X_y=True, as_frame=True)
    make_pipeline(StandardScaler(), RandomForestClassifier(5)).fit(frame, target)
    run = recorded.only
    assert list(artifact(run, "feature_importance.json")) == list(frame.columns)
    assert '"alcohol"' in str(run.models[0].signature)


def test_clusters(recorded: Recorded) -> None:
    model = KMeans(3, n_init=1, random_state=0)
    labels = model.fit_predict(XW)
    run = recorded.only
    assert run.name == "KMeans"
    assert run.last("training_silhouette_score") == pytest.approx(metrics.silhouette_score(XW, labels))
    assert run.last("training_inertia") == pytest.approx(model.inertia_)
    assert run.last("n_iter") == model.n_iter_


def test_clusters_without_predict(recorded: Recorded) -> None:
    DBSCAN(eps=30).fit(XW)
    assert recorded.only.last("training_n_clusters") > 1


def test_unsupervised_models_have_their_own_numbers(recorded: Recorded) -> None:
    decomposition = PCA(3).fit(XW)
    mixture = GaussianMixture(2, random_state=0).fit(XW)
    density = KernelDensity().fit(XW[:, :2])
    IsolationForest(n_estimators=5, contamination=0.1, random_state=0).fit(XW)
    runs = {run.name: run for run in recorded.roots}
    ratio = [value for _step, value in runs["PCA"].metrics["explained_variance_ratio"]]
    assert ratio == decomposition.explained_variance_ratio_.tolist()
    assert runs["PCA"].last("training_score") == pytest.approx(decomposition.score(XW))
    assert runs["GaussianMixture"].last("training_score") == pytest.approx(mixture.score(XW))
    assert runs["KernelDensity"].last("training_score") == pytest.approx(density.score(XW[:, :2]))
    assert "evaluation.skipped" in {note.code for note in runs["IsolationForest"].notes}


def test_preparation_opens_no_run_and_leaves_the_users_run_to_the_model(recorded: Recorded) -> None:
    with autotrack.start_run("mine"):
        scaled = make_pipeline(StandardScaler(), StandardScaler()).fit_transform(XW)
        labels = LabelEncoder().fit_transform(yw.astype(str))
        LogisticRegression().fit(scaled, labels)
    run = recorded.only
    assert run.name == "mine"
    assert run.params["C"] == 1.0


def test_transformers_that_are_models_and_those_that_are_not(recorded: Recorded) -> None:
    class Adder(TransformerMixin, BaseEstimator):
        def fit(self, X: Any, y: Any = None) -> Adder:
            return self

        def transform(self, X: Any) -> Any:
            return X + 1

    Adder().fit_transform(XW)
    ColumnTransformer([("scaled", StandardScaler(), [0, 1])]).fit(XW)
    TruncatedSVD(2).fit(XW)
    make_pipeline(StandardScaler(), TruncatedSVD(2)).fit_transform(XW)
    assert [run.name for run in recorded.roots] == ["TruncatedSVD", "Pipeline"]


def test_two_fits_in_one_run_of_the_user_do_not_mix(recorded: Recorded) -> None:
    with autotrack.start_run("mine"):
        LinearRegression().fit(XD, yd)
        LogisticRegression(C=7.0, max_iter=5000).fit(XW[:, :2], yw)
    run = recorded.only
    (child,) = recorded.children(run)
    assert "training_r2_score" in run.metrics
    assert "C" not in run.params
    assert child.params["C"] == 7.0
    assert "training_accuracy_score" in child.metrics


def test_every_reason_for_a_gap_is_noted(recorded: Recorded) -> None:
    RidgeClassifier().fit(XW, yw)
    DummyClassifier(strategy="stratified").fit(XW, yw)
    first, second = recorded.roots
    assert "training_roc_auc" in first.metrics, "decision values are enough for a ROC curve"
    assert "predicts at random" in notes(second)["evaluation.skipped"]


class NearestMean(ClassifierMixin, BaseEstimator):
    """A classifier of the user's own, with neither probabilities nor decision values."""

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift

    def fit(self, X: Any, y: Any) -> NearestMean:
        self.classes_ = np.unique(y)
        self.means_ = np.stack([X[y == label].mean(axis=0) + self.shift for label in self.classes_])
        return self

    def predict(self, X: Any) -> Any:
        return self.classes_[((X[:, None] - self.means_) ** 2).sum(axis=2).argmin(axis=1)]


def test_an_estimator_of_the_users_own(recorded: Recorded) -> None:
    class Shifted(NearestMean):  # defined while tracking is on
        def fit(self, X: Any, y: Any) -> Shifted:
            super().fit(X, y)
            return self

    model = Shifted(0.1).fit(XW, yw)
    run = recorded.only
    assert run.name == "Shifted"
    assert run.params == {"shift": 0.1}
    assert run.last("training_accuracy_score") == model.score(XW, yw)
    assert "neither predict_proba" in notes(run)["evaluation.partial"]
    assert run.artifacts["model/model.pkl"]


def test_an_estimator_that_misbehaves_still_has_a_run(recorded: Recorded) -> None:
    class Odd(NearestMean):
        def __init__(self, *args: Any) -> None:
            super().__init__()

        def predict(self, X: Any) -> Any:
            raise ZeroDivisionError("no")

    Odd().fit(XW, yw)
    run = recorded.only
    assert run.status == "finished"
    assert "get_params" in notes(run)["params.unavailable"]
    assert "ZeroDivisionError: no" in notes(run)["evaluation.skipped"]


def test_a_fit_that_fails_is_a_failed_run_with_its_traceback(recorded: Recorded) -> None:
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        LogisticRegression().fit(X, y[:5])
    with pytest.raises(TypeError):
        LogisticRegression().fit(X)
    first, second = recorded.roots
    assert first.status == second.status == "failed"
    assert "inconsistent numbers of samples" in str(first.error)


def test_an_interrupted_fit(recorded: Recorded) -> None:
    class Interrupted(NearestMean):
        def fit(self, X: Any, y: Any) -> Interrupted:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted().fit(XW, yw)
    assert recorded.only.status == "interrupted"


def test_pauses_nest(recorded: Recorded) -> None:
    with autotrack.paused():
        with autotrack.paused():
            LinearRegression().fit(XD, yd)
        LinearRegression().fit(XD, yd)
    assert not recorded.runs
    LinearRegression().fit(XD, yd)
    assert len(recorded.runs) == 1


def test_several_labels_and_several_outputs(recorded: Recorded) -> None:
    features, labels = make_multilabel_classification(60, random_state=0)
    RandomForestClassifier(5).fit(features, labels)
    LinearRegression().fit(XD, np.column_stack([yd, -yd]))
    first, second = recorded.roots
    assert first.evaluations["training"]["task"] == "multilabel"
    assert second.evaluations["training"]["task"] == "multioutput_regression"


def test_settings_switch_parts_off(request: pytest.FixtureRequest) -> None:
    autotrack.enable(
        to=f"memory://{request.node.nodeid}",
        log_models=False,
        log_datasets=False,
        log_evaluation=False,
        log_system_metrics=False,
        capture=[],
        run_name="fixed",
    )
    LinearRegression().fit(XD, yd)
    autotrack.disable()
    (run,) = autotrack_runs(request)
    assert run.name == "fixed"
    assert not run.models
    assert not run.datasets
    assert not run.evaluations
    assert set(run.metrics) == {"autotrack.overhead_seconds", "n_iter"} - {"n_iter"}


def autotrack_runs(request: pytest.FixtureRequest) -> list[Any]:
    from autotrack.testing import MemoryBackend

    return MemoryBackend.named(request.node.nodeid).runs


def test_a_model_that_is_too_large_leaves_a_note(request: pytest.FixtureRequest) -> None:
    autotrack.enable(to=f"memory://{request.node.nodeid}", max_model_size=1, capture=[], log_system_metrics=False)
    KernelDensity().fit(np.zeros((40_000, 4)))
    autotrack.disable()
    (run,) = autotrack_runs(request)
    assert not run.models
    assert "max_model_size" in notes(run)["model.skipped"]
    assert not list(Path(".autotrack/artifacts").rglob("*.snapshot"))


def test_many_rows_are_sampled_within_the_budget(request: pytest.FixtureRequest) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    autotrack.enable(to=f"memory://{request.node.nodeid}", evaluation_budget=0.02, capture=[], log_system_metrics=False)
    rows = np.random.default_rng(0).normal(size=(20_000, 12))
    KNeighborsClassifier(algorithm="brute").fit(rows, rows[:, 0] > 0)
    autotrack.disable()
    (run,) = autotrack_runs(request)
    assert "of 20000 rows" in notes(run)["evaluation.sampled"]
    assert run.last("training_accuracy_score") > 0.5
    assert run.last("autotrack.overhead_seconds") < 1.0


def test_the_model_folder_predicts_the_same(recorded: Recorded) -> None:
    import pickle

    model = RandomForestClassifier(3).fit(XW, yw)
    run = recorded.only
    saved = Path(".autotrack/artifacts") / run.id / "model/model.pkl"
    assert np.array_equal(pickle.loads(saved.read_bytes()).predict(XW), model.predict(XW))


def test_the_run_of_a_model_is_known_while_both_live(recorded: Recorded) -> None:
    import gc
    import weakref

    from autotrack.held_out import fitted

    model = make_pipeline(StandardScaler(), LinearRegression()).fit(XD, yd)
    run = fitted.run_of(model)
    assert isinstance(run, Run)
    assert fitted.run_of(model[-1]) is run
    reference = weakref.ref(model)
    autotrack.flush()
    del model
    gc.collect()
    assert reference() is None
