"""Every ordinary way to evaluate a scikit-learn model on held-out data reaches its run (R22, R28)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import calibration_curve
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score  # imported before enable()
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from autotrack.recording import current_recorder
from autotrack.testing import MemoryRun

if TYPE_CHECKING:
    from tests.integrations.conftest import Recorded


def split(classes: int = 2, rows: int = 300, seed: int = 0) -> tuple[Any, Any, Any, Any]:
    X, y = make_classification(rows, 6, n_informative=4, n_classes=classes, flip_y=0.2, random_state=seed)
    return X[: rows // 2], X[rows // 2 :], y[: rows // 2], y[rows // 2 :]


def names_of(run: MemoryRun, prefix: str) -> set[str]:
    return {key for key in run.metrics if key.startswith(prefix)}


SIX_CALLS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "roc_auc_score of a column": lambda y, proba, pred: metrics.roc_auc_score(y, proba[:, 1]),
    "f1_score of a threshold": lambda y, proba, pred: metrics.f1_score(y, (proba[:, 1] > 0.3).astype(int)),
    "a function imported before": lambda y, proba, pred: accuracy_score(y, pred),
    "classification_report": lambda y, proba, pred: metrics.classification_report(y, pred),
    "confusion_matrix": lambda y, proba, pred: metrics.confusion_matrix(y, pred),
    "roc_curve": lambda y, proba, pred: metrics.roc_curve(y, proba[:, 1]),
}


@pytest.mark.parametrize("call", SIX_CALLS.values(), ids=SIX_CALLS)
def test_each_ordinary_call_evaluates_the_split(call: Callable[..., Any], recorded: Recorded) -> None:
    X, X_test, y, y_test = split()
    model = LogisticRegression().fit(X, y)
    proba, pred = model.predict_proba(X_test), model.predict(X_test)
    call(y_test, proba, pred)
    run = recorded.only
    assert run.status == "finished"
    report = run.evaluations["test"]
    assert report["matrix"] is not None
    assert {curve["kind"] for curve in report["curves"]} == {"roc", "precision_recall", "calibration"}
    assert run.last("test_roc_auc") == pytest.approx(roc_auc_score(y_test, proba[:, 1]), abs=1e-12)


def test_all_six_calls_are_one_evaluation_per_prediction(recorded: Recorded) -> None:
    X, X_test, y, y_test = split()
    model = LogisticRegression().fit(X, y)
    proba, pred = model.predict_proba(X_test), model.predict(X_test)
    assert (pred == (proba[:, 1] > 0.5)).all()
    for name, call in SIX_CALLS.items():
        if "threshold" not in name:
            call(y_test, proba, pred)
    run = recorded.only
    assert len(run.metrics["test_accuracy_score"]) == 1
    SIX_CALLS["f1_score of a threshold"](y_test, proba, pred)
    run = recorded.only
    f1 = metrics.f1_score(y_test, (proba[:, 1] > 0.3).astype(int))
    assert run.metrics["test_f1_score_binary"][1] == (1, pytest.approx(f1, abs=1e-12))


def test_numbers_are_those_of_sklearn(recorded: Recorded) -> None:
    X, X_test, y, y_test = split()
    model = RandomForestClassifier(10, random_state=0).fit(X, y)
    pred = model.predict(X_test)
    wanted = {
        "test_accuracy_score": metrics.accuracy_score(y_test, pred),
        "test_f1_score_binary": metrics.f1_score(y_test, pred),
        "test_f1_score": metrics.f1_score(y_test, pred, average="weighted"),
        "test_f1_score_macro": metrics.f1_score(y_test, pred, average="macro"),
        "test_f1_score_binary_pos_label_0": metrics.f1_score(y_test, pred, pos_label=0),
        "test_fbeta_score_binary_beta_2.0": metrics.fbeta_score(y_test, pred, beta=2.0),
        "test_cohen_kappa_score": metrics.cohen_kappa_score(y_test, pred),
        "test_accuracy_score_normalize_False": metrics.accuracy_score(y_test, pred, normalize=False),
        "test_recall_score_binary": metrics.recall_score(y_test, pred, zero_division=0),
        "test_roc_auc_score": metrics.roc_auc_score(y_test, pred),  # of labels, as users do by mistake
        "test_accuracy_score_sample_weight": metrics.accuracy_score(y_test, pred, sample_weight=y_test + 1.0),
    }
    run = recorded.only
    assert {key: run.last(key) for key in wanted} == pytest.approx(wanted, abs=1e-12)
    assert len(run.metrics["test_accuracy_score"]) == 1


def test_scores_are_computed_for_labels_alone(recorded: Recorded) -> None:
    X, X_test, y, y_test = split()
    model = make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(X, y)
    accuracy_score(y_test, model.predict(X_test))
    wanted = roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])
    assert recorded.only.last("test_roc_auc") == pytest.approx(wanted, abs=1e-12)


def test_decision_values_are_scores(recorded: Recorded) -> None:
    X, X_test, y, y_test = split()
    model = LinearSVC(dual="auto").fit(X, y)
    wanted = roc_auc_score(y_test, model.decision_function(X_test))
    run = recorded.only
    assert run.last("test_roc_auc") == pytest.approx(wanted, abs=1e-12)
    assert run.last("test_accuracy_score") == pytest.approx(model.score(X_test, y_test), abs=1e-12)


def test_log_probabilities_are_probabilities(recorded: Recorded) -> None:
    X, X_test, y, y_test = split()
    model = LogisticRegression().fit(X, y)
    roc_auc_score(y_test, model.predict_log_proba(X_test)[:, 1])
    assert recorded.only.last("test_log_loss") == pytest.approx(metrics.log_loss(y_test, model.predict_proba(X_test)))


@pytest.mark.parametrize("kind", ["list", "copy", "column", "names", "argmax", "frame"])
def test_derived_predictions_are_found(kind: str, recorded: Recorded) -> None:
    pandas = pytest.importorskip("pandas")
    X, X_test, y, y_test = split(classes=3)
    model = LogisticRegression().fit(X, y)
    names = np.array(["ant", "bee", "cat"])
    if kind == "argmax":
        accuracy_score(y_test, model.predict_proba(X_test).argmax(axis=1))
    else:
        pred = model.predict(X_test)
        forms = {
            "list": pred.tolist(),
            "copy": pred.copy(),
            "column": pred.reshape(-1, 1),
            "names": names[pred],
            "frame": pandas.Series(pred, name="pred"),
        }
        del pred
        accuracy_score(names[y_test] if kind == "names" else y_test, forms[kind])
    assert recorded.only.last("test_accuracy_score") == pytest.approx(model.score(X_test, y_test), abs=1e-12)


def test_string_labels(recorded: Recorded) -> None:
    X, X_test, y, y_test = split()
    names = np.array(["no", "yes"])
    model = LogisticRegression().fit(X, names[y])
    proba = model.predict_proba(X_test)
    f1 = metrics.f1_score(names[y_test], model.predict(X_test), pos_label="yes")
    auc = roc_auc_score(names[y_test], proba[:, 1])
    run = recorded.only
    assert list(run.evaluations["test"]["labels"]) == ["no", "yes"]
    assert run.last("test_roc_auc") == pytest.approx(auc, abs=1e-12)
    assert run.last("test_f1_score_binary_pos_label_yes") == pytest.approx(f1, abs=1e-12)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_series_as_truth(library: str, recorded: Recorded) -> None:
    frames = pytest.importorskip(library)
    X, X_test, y, y_test = split()
    model = LogisticRegression().fit(X, y)
    truth = frames.Series(y_test)
    pred = model.predict(X_test)
    wanted = accuracy_score(truth, pred)
    metrics.confusion_matrix(truth, pred)
    run = recorded.only
    assert run.metrics["test_accuracy_score"] == [(0, pytest.approx(wanted, abs=1e-12))]


def test_multiclass(recorded: Recorded) -> None:
    X, X_test, y, y_test = split(classes=3)
    model = LogisticRegression().fit(X, y)
    proba = model.predict_proba(X_test)
    wanted = {
        "test_roc_auc_score_multi_class_ovr": roc_auc_score(y_test, proba, multi_class="ovr"),
        "test_log_loss": metrics.log_loss(y_test, proba),
        "test_top_k_accuracy_score_k_1": metrics.top_k_accuracy_score(y_test, proba, k=1),
    }
    run = recorded.only
    assert {key: run.last(key) for key in wanted} == pytest.approx(wanted, abs=1e-12)
    assert len(run.evaluations["test"]["labels"]) == 3


def test_one_class_against_the_rest_is_a_number_of_its_own(recorded: Recorded) -> None:
    X, X_test, y, y_test = split(classes=3)
    model = LogisticRegression().fit(X, y)
    proba = model.predict_proba(X_test)
    aucs = [roc_auc_score(y_test == label, proba[:, label]) for label in range(3)]
    run = recorded.only
    assert [run.last(f"test_roc_auc_score_class_{label}") for label in range(3)] == pytest.approx(aucs, abs=1e-12)
    assert set(run.evaluations) == {"training"}
    assert not names_of(run, "test_2")


def test_regression(recorded: Recorded) -> None:
    X, y = make_regression(200, 5, noise=10, random_state=0)
    model = LinearRegression().fit(X[:100], y[:100].round())
    pred = model.predict(X[100:])
    wanted = metrics.mean_squared_error(y[100:].round(), pred)
    pinball = metrics.mean_pinball_loss(y[100:].round(), pred, alpha=0.9)
    run = recorded.only
    assert run.last("test_mean_squared_error") == pytest.approx(wanted)
    assert run.last("test_mean_pinball_loss_alpha_0.9") == pytest.approx(pinball)
    assert run.evaluations["test"]["task"] == "regression"
    assert run.evaluations["test"]["residuals"]


def test_several_outputs(recorded: Recorded) -> None:
    X, y = make_multilabel_classification(200, n_classes=3, random_state=0)
    model = RandomForestClassifier(5, random_state=0).fit(X[:100], y[:100])
    X_test, y_test = X[100:], y[100:]
    pred, probas = model.predict(X_test), model.predict_proba(X_test)
    macro = metrics.f1_score(y_test, pred, average="macro")
    second = roc_auc_score(y_test[:, 1], probas[1][:, 1])
    run = recorded.only
    assert run.evaluations["test"]["task"] == "multilabel"
    assert run.last("test_f1_score_macro") == pytest.approx(macro, abs=1e-12)
    assert run.last("test_roc_auc_score_output_1") == pytest.approx(second, abs=1e-12)


def test_displays(recorded: Recorded) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    X, X_test, y, y_test = split()
    displays: list[Callable[[Any], Any]] = [
        lambda model: metrics.ConfusionMatrixDisplay.from_estimator(model, X_test, y_test),
        lambda model: metrics.ConfusionMatrixDisplay.from_predictions(y_test, model.predict(X_test)),
        lambda model: metrics.RocCurveDisplay.from_estimator(model, X_test, y_test),
        lambda model: metrics.RocCurveDisplay.from_predictions(y_test, model.predict_proba(X_test)[:, 1]),
        lambda model: metrics.PrecisionRecallDisplay.from_estimator(model, X_test, y_test),
        lambda model: metrics.DetCurveDisplay.from_estimator(model, X_test, y_test),
    ]
    for display in displays:
        display(LogisticRegression().fit(X, y))
        pyplot.close("all")
    assert [run.evaluations["test"]["n_rows"] for run in recorded.roots] == [len(y_test)] * len(displays)


def test_calibration_curve(recorded: Recorded) -> None:
    X, X_test, y, y_test = split()
    calibration_curve(y_test, LogisticRegression().fit(X, y).predict_proba(X_test)[:, 1])
    assert "test" in recorded.only.evaluations


def test_score(recorded: Recorded) -> None:
    X, X_test, y, y_test = split()
    values = [
        LogisticRegression().fit(X, y).score(X_test, y_test),
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y).score(X_test, y_test),
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, y).score(X_test, y_test),
    ]
    roots = recorded.roots
    assert [run.last("test_score") for run in roots] == values
    assert [run.last("test_accuracy_score") for run in roots] == pytest.approx(values, abs=1e-12)
    assert all("test" in run.evaluations for run in roots)


class Majority(ClassifierMixin, BaseEstimator):
    """A user's own classifier."""

    def fit(self, X: Any, y: Any) -> Majority:
        self.classes_, counts = np.unique(y, return_counts=True)
        self.best_ = self.classes_[counts.argmax()]
        return self

    def predict(self, X: Any) -> Any:
        return np.where(X[:, 0] > 0, self.best_, self.classes_[0])


def test_custom_estimator(recorded: Recorded) -> None:
    X, X_test, y, y_test = split()
    model = Majority().fit(X, y)
    wanted = accuracy_score(y_test, model.predict(X_test))
    assert model.score(X_test, y_test) == wanted
    run = recorded.only
    assert run.last("test_accuracy_score") == pytest.approx(wanted, abs=1e-12)
    assert run.last("test_score") == wanted


def test_calls_are_kept_as_text(recorded: Recorded) -> None:
    X, X_test, y, y_test = split()
    model = LogisticRegression().fit(X, y)
    pred = model.predict(X_test)
    accuracy_score(y_test, pred)
    metrics.fbeta_score(y_test, pred, beta=2, average="macro")
    run = recorded.only
    directory = current_recorder().home.run_artifacts(run.id)
    assert json.loads((directory / "metric_info.json").read_text()) == {
        "test_accuracy_score": "accuracy_score(y_true=y_test, y_pred=pred)",
        "test_fbeta_score_macro_beta_2": "fbeta_score(y_true=y_test, y_pred=pred, beta=2, average='macro')",
    }


def test_clusterings(recorded: Recorded) -> None:
    X, X_test, _, y_test = split()
    model = KMeans(3, n_init=1, random_state=0).fit(X)
    found = model.predict(X_test)
    wanted = {
        "test_adjusted_rand_score": metrics.adjusted_rand_score(y_test, found),
        "test_silhouette_score": metrics.silhouette_score(X_test, found),
        "test_score": model.score(X_test),
    }
    run = recorded.only
    assert {key: run.last(key) for key in wanted} == pytest.approx(wanted, abs=1e-9)
