"""How well a model fits the data it was trained on: MLflow's `training_` metrics, and the whole evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import get_config

from autotrack import names
from autotrack.errors import EvaluationError
from autotrack.evaluation import Evaluation, evaluate, evaluate_clustering
from autotrack.evaluation.budget import budget_for, count_rows, within_budget
from autotrack.integration import Call
from autotrack.integrations.sklearn.kinds import (
    CLASSIFIER,
    CLUSTERER,
    OUTLIER_DETECTOR,
    REGRESSOR,
    has,
    holds_network,
    is_search,
    kind_of,
    last_step,
)
from autotrack.integrations.sklearn.parameters import Data
from autotrack.integrations.sklearn.predicting import predict, take, without_progress
from autotrack.integrations.sklearn.run_history import note_training
from autotrack.patching.quiet import quietly
from autotrack.recording import current_recorder
from autotrack.run import Run

_DRAWS_AT_RANDOM = {"stratified", "uniform"}
_SILHOUETTE_SECONDS_PER_CELL = 3e-9
_DEFAULT_SCORES = {"ClassifierMixin.score": "accuracy_score", "RegressorMixin.score": "r2_score"}


def log_training(call: Call, run: Run, data: Data) -> Any:
    """Evaluate the estimator that was just fitted on its own training data, and log the result.

    What cannot be evaluated leaves a note that says why.

    Returns:
        Some of its predictions, to infer the model's signature from, or None.
    """
    estimator = call.instance
    settings = current_recorder().settings
    if not settings.log_evaluation or not run.first(f"evaluation:{names.TRAINING}"):
        return None
    budget = budget_for(call.seconds, settings.evaluation_budget)
    reason = _obstacle(estimator, data)
    if reason is not None:
        run.note("evaluation.skipped", reason)
        return None
    with quietly(call, estimator):
        try:
            return _evaluate(call, run, data, budget)
        except EvaluationError as error:
            run.note("evaluation.skipped", str(error))
        except Exception as error:  # noqa: BLE001 - the model is the user's: its predict may raise anything
            message = f"{type(estimator).__name__} on its training data: {type(error).__name__}: {error}"
            run.note("evaluation.skipped", message)
    return None


def _obstacle(estimator: Any, data: Data) -> str | None:
    if is_search(estimator) and "best_estimator_" not in vars(estimator):
        return "no training metrics: the search did not refit its best candidate"
    if not count_rows(data.X):
        return "no training metrics: the training data have no rows that can be read again"
    if getattr(last_step(estimator), "strategy", None) in _DRAWS_AT_RANDOM:
        return "no training metrics: the estimator predicts at random"
    if get_config().get("enable_metadata_routing") and (
        data.others or data.sample_weight is not None or _asks(estimator)
    ):
        return "no training metrics: with metadata routing only the program knows what its estimators need to predict"
    if holds_network(estimator):
        return "no training metrics: passing the data through a network draws random numbers and changes its mode"
    if _is_watched(estimator):
        return (
            "no training metrics: the program has put functions of its own on the estimator, and may count their calls"
        )
    return None


def _asks(estimator: Any) -> bool:
    """Say whether the program has set what metadata the estimator, or one inside it, is to be given."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return any("_metadata_request" in getattr(part, "__dict__", ()) for part in parts)


def _is_watched(estimator: Any) -> bool:
    """Say whether an attribute of the instance stands in for a method of its class."""
    return any(
        callable(value) and callable(getattr(type(estimator), name, None)) for name, value in vars(estimator).items()
    )


def _evaluate(call: Call, run: Run, data: Data, budget: float) -> Any:
    kind = kind_of(call.instance)
    if kind == CLUSTERER:
        return _log_clustering(call, run, data, budget)
    if kind == OUTLIER_DETECTOR:
        run.note("evaluation.skipped", "no training metrics: outliers have no true labels to compare with")
        return None
    if data.y is not None and has(call.instance, "predict"):
        return _log_supervised(call, run, data, budget, kind)
    _log_own_score(call, run, data, budget)
    return None


def _log_supervised(call: Call, run: Run, data: Data, budget: float, kind: str | None) -> Any:
    estimator = call.instance
    classes = getattr(estimator, "classes_", None) if kind != REGRESSOR else None
    labels = classes if isinstance(classes, np.ndarray) else None

    def compute(rows: Any) -> tuple[Evaluation, Any, str | None]:
        predicted, scores, missing = predict(estimator, take(data.X, rows), kind)
        report = evaluate(
            take(data.y, rows),
            predicted,
            scores,
            labels=labels,
            split=names.TRAINING,
            sample_weight=take(data.sample_weight, rows),
            task="regression" if kind == REGRESSOR and np.ndim(predicted) == 1 else None,
            budget_seconds=budget,
        )
        return report, predicted, missing

    n_rows = count_rows(data.X)
    (report, predicted, missing), rows = within_budget(compute, n_rows, budget)
    run.log_evaluation(report)
    if rows is None:
        note_training(run, data.y, predicted, report)
    _note_limits(run, n_rows, rows, missing if kind == CLASSIFIER else None)
    metric = _default_score(estimator)
    if metric is None:
        _log_own_score(call, run, data, budget)
    elif report.metrics.get(metric) is not None:
        run.log_metric("training_score", report.metrics[metric])
    return predicted


def _note_limits(run: Run, n_rows: int, rows: Any, missing: str | None) -> None:
    if missing is not None:
        run.note("evaluation.partial", f"no ROC and no log loss: {missing}")
    if rows is not None:
        run.note("evaluation.sampled", f"training metrics are from {len(rows)} of {n_rows} rows, to stay in the budget")


def _default_score(estimator: Any) -> str | None:
    """Return the metric that `estimator.score` is by definition, None where the class has its own."""
    if is_search(estimator) and getattr(estimator, "scoring", None) is not None:
        return None
    method = getattr(type(last_step(estimator)), "score", None)
    if not str(getattr(method, "__module__", "")).startswith("sklearn.base"):
        return None
    return _DEFAULT_SCORES.get(getattr(method, "__qualname__", ""))


def _scores_by_name(estimator: Any) -> bool:
    """Say whether `score` uses scikit-learn's own scorers only, and no function of the program's."""
    scoring = getattr(last_step(estimator) if not is_search(estimator) else estimator, "scoring", None)
    if isinstance(scoring, dict):
        scoring = list(scoring.values())
    named = scoring if isinstance(scoring, (list, tuple, set)) else [scoring]
    return all(name is None or isinstance(name, str) for name in named)


def _log_own_score(call: Call, run: Run, data: Data, budget: float) -> None:
    estimator = call.instance
    if not has(estimator, "score"):
        return
    if not _scores_by_name(estimator):
        run.note("evaluation.partial", "no training_score: the scorer is the program's own, and may count its calls")
        return
    silent = estimator if is_search(estimator) else without_progress(estimator)

    def compute(rows: Any) -> float:
        given = () if data.y is None else (take(data.y, rows),)
        return float(silent.score(take(data.X, rows), *given))

    score, rows = within_budget(compute, count_rows(data.X), budget)
    run.log_metric("training_score", score)
    _note_limits(run, count_rows(data.X), rows, None)


def _log_clustering(call: Call, run: Run, data: Data, budget: float) -> Any:
    model = last_step(call.instance)
    labels = getattr(model, "labels_", None)
    if labels is None and has(call.instance, "predict"):
        labels = without_progress(call.instance).predict(data.X)
    if labels is None or model is not call.instance:
        run.note("evaluation.skipped", "no clustering metrics: the clusters' data are inside the pipeline")
        return labels
    columns = max(1, int(np.shape(data.X)[-1]))
    affordable = (budget / columns / _SILHOUETTE_SECONDS_PER_CELL) ** 0.5
    report = evaluate_clustering(
        data.X,
        labels,
        y_true=data.y,
        inertia=getattr(model, "inertia_", None),
        sample=int(max(100, min(2000, affordable))),
        split=names.TRAINING,
    )
    run.log_evaluation(report)
    return labels
