"""What kind of estimator one is, asked of the estimator's tags; a class whose tags are broken is of no kind."""

from __future__ import annotations

import sys
from typing import Any

CLASSIFIER = "classifier"
REGRESSOR = "regressor"
CLUSTERER = "clusterer"
OUTLIER_DETECTOR = "outlier_detector"
DENSITY_ESTIMATOR = "density_estimator"

_PREPARATION = (
    "sklearn.preprocessing.",
    "sklearn.impute.",
    "sklearn.feature_extraction.",
    "sklearn.feature_selection.",
    "sklearn.compose._column_transformer",
    "sklearn.pipeline",
)
"""Modules whose transformers prepare data for a model. They open no run of their own."""

_OF_MODELS = ("predict", "fit_predict", "score", "score_samples")


def kind_of(estimator: Any) -> str | None:
    """Return one of the words above, or None for transformers and for estimators that do not say."""
    try:
        kind = _tagged_kind(estimator)
    except Exception:  # noqa: BLE001 - tags are the user's code too; an estimator of no kind is recorded all the same
        return None
    return kind if isinstance(kind, str) else None


def _tagged_kind(estimator: Any) -> Any:
    tags = getattr(estimator, "__sklearn_tags__", None)  # since scikit-learn 1.6
    if tags is not None:
        return tags().estimator_type
    kind = getattr(estimator, "_estimator_type", None)
    return {"DensityEstimator": DENSITY_ESTIMATOR}.get(kind, kind) if isinstance(kind, str) else None


def is_model(estimator: Any) -> bool:
    """Say whether training this is worth a run: everything but the steps that prepare data for a model.

    A scaler, an encoder or a pipeline of such would take the user's run away from the model that follows. Of the
    transformers that can neither predict nor judge data, those of scikit-learn itself are known by their module (NMF
    and t-SNE are models, an imputer is not); those of others count as preparation.
    """
    if any(has(estimator, method) for method in _OF_MODELS):
        return True
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and steps:
        last = steps[-1][-1]
        return not isinstance(last, str) and last is not None and is_model(last)
    module = type(estimator).__module__
    if module.startswith("sklearn."):
        return not module.startswith(_PREPARATION)
    return not has(estimator, "transform")


def is_search(estimator: Any) -> bool:
    """Say whether this is a search over parameters: any `BaseSearchCV`."""
    module = sys.modules.get("sklearn.model_selection._search")
    search = getattr(module, "BaseSearchCV", None)  # absent, too, while another thread is importing the module
    return search is not None and isinstance(estimator, search)


def has(estimator: Any, method: str) -> bool:
    """Say whether an estimator offers a method now; a check of its own that fails means no."""
    try:
        return callable(getattr(estimator, method, None))
    except Exception:  # noqa: BLE001 - properties of third-party classes raise anything
        return False


def last_step(estimator: Any) -> Any:
    """Return the estimator that predicts: the last step of a pipeline, the best one of a search, else itself."""
    while True:
        steps = getattr(estimator, "steps", None)
        if isinstance(steps, list) and steps and isinstance(steps[-1], tuple) and has(steps[-1][-1], "get_params"):
            estimator = steps[-1][-1]
        elif is_search(estimator) and "best_estimator_" in vars(estimator):
            estimator = vars(estimator)["best_estimator_"]
        else:
            return estimator


def class_path(estimator: Any) -> str:
    """Return the import path of an estimator's class."""
    return f"{type(estimator).__module__}.{type(estimator).__name__}"


def shallow_copy(estimator: Any) -> Any:
    """Return another object with the same attributes, without the class's own ways of copying, which may be costly."""
    twin = object.__new__(type(estimator))
    vars(twin).update(vars(estimator))
    return twin


def holds_network(estimator: Any) -> bool:
    """Say whether the model is a network of torch, as those of skorch are."""
    nn = getattr(sys.modules.get("torch"), "nn", None)
    if nn is None:
        return False
    return any(isinstance(value, nn.Module) for value in getattr(last_step(estimator), "__dict__", {}).values())
