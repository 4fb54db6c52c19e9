"""What a trained booster says about itself: configuration, importances, how it predicts, its file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autotrack.boosting.importance import log_importances
from autotrack.boosting.parameters import log_effective, typed
from autotrack.boosting.runs import Shape, library_class
from autotrack.boosting.splits import CLASSIFICATION, RANKING, REGRESSION, Predictor, Split
from autotrack.models.flavors.xgboost import xgboost_flavor
from autotrack.models.saving import save_model
from autotrack.models.signature import signature_of_numbers
from autotrack.models.snapshot import Snapshot, take_native_snapshot
from autotrack.run import Run

IMPORTANCE_TYPES = ("weight", "gain", "cover", "total_gain", "total_cover")
SECONDS_PER_ROW_AND_TREE = 3e-8
_ALIASES = {"alpha", "eta", "lambda", "min_split_loss", "nthread", "seed"}
_FLOATS = {"base_score", "colsample_bytree", "gamma", "learning_rate", "reg_alpha", "reg_lambda", "subsample"}
_REGRESSIONS = ("reg:", "count:")


def describe(run: Run, booster: Any, known: Mapping[str, Any]) -> None:
    """Log the configuration in effect, the number of trees and all importances."""
    config = json.loads(booster.save_config())
    log_effective(run, dict(effective(config)), known)
    run.log_metric("n_trees", trees(config) or booster.num_boosted_rounds())
    run.defer("writing the configuration", lambda: run.log_dict(config, "booster_config.json"))
    kinds = IMPORTANCE_TYPES if config["learner"]["gradient_booster"]["name"] != "gblinear" else ("weight",)
    log_importances(run, {kind: _scores(booster, kind) for kind in kinds})


def _scores(booster: Any, kind: str) -> dict[str, float]:
    scores = booster.get_score(importance_type=kind)
    return {name: value if isinstance(value, float) else float(np.max(value)) for name, value in scores.items()}


def effective(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each parameter in a booster's configuration once, under the name scikit-learn's interface has for it."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from effective(value)
        elif isinstance(value, str) and value and name not in _ALIASES and name != "name":
            number = typed(value.strip("[]")) if name == "base_score" else typed(value)
            yield name, float(number) if name in _FLOATS and isinstance(number, int) else number


def trees(config: Mapping[str, Any]) -> int:
    """Return the number of trees, 0 for a linear booster."""
    inner = config["learner"]["gradient_booster"]
    model = inner.get("gbtree", inner).get("gbtree_model_param", {})
    return int(model.get("num_trees", 0))


def predictor_of(booster: Any, *, custom: bool) -> Predictor | str:
    """Return how a booster predicts for a DMatrix, or why that cannot be evaluated.

    Args:
        booster: The booster.
        custom: Whether it was trained with an objective of the user's.
    """
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["learner_train_param"]["objective"]
    n_classes = int(learner["learner_model_param"]["num_class"])
    if custom:
        return "with a custom objective it is not known what predictions mean"
    cost = SECONDS_PER_ROW_AND_TREE * max(1, booster.num_boosted_rounds()) * max(1, n_classes)
    if objective in {"binary:logistic", "binary:logitraw"}:
        return Predictor(CLASSIFICATION, booster.predict, np.arange(2), cost)
    if objective == "multi:softprob":
        return Predictor(CLASSIFICATION, booster.predict, np.arange(n_classes), cost)
    if objective in {"binary:hinge", "multi:softmax"}:
        return Predictor(CLASSIFICATION, booster.predict, None, cost, finish=lambda labels: labels.astype(int))
    if objective.startswith("rank:"):
        return Predictor(RANKING, booster.predict, None, cost)
    if objective.startswith(_REGRESSIONS):
        return Predictor(REGRESSION, booster.predict, None, cost)
    return f"there is no evaluation for the objective {objective}"


def split_of(name: str, data: Any, predicted: Any = None) -> Split | None:
    """Return a DMatrix as a split, with what is predicted for it if that is known; None where it has no labels."""
    rows, truth = data.num_row(), data.get_label()
    if not truth.size:
        return None
    weights, bounds = data.get_weight(), data.get_uint_info("group_ptr")
    groups = np.diff(bounds) if len(bounds) > 2 else None
    shape = Shape((rows, data.num_col()))
    return Split(
        name,
        rows,
        truth if truth.size == rows else truth.reshape(rows, -1),
        shape,
        lambda positions: data if positions is None else data.slice(positions, allow_groups=True),
        weights if weights.size == rows else None,
        groups,
        divisible=hasattr(type(data), "slice") and type(data).__name__ == "DMatrix",
        predicted=predicted,
    )


def save_booster(run: Run, booster: Any, predicted: Any) -> None:
    """Save a booster of the native interface."""

    def take(path: Path) -> Snapshot:
        kind = library_class(booster, "xgboost")
        return take_native_snapshot(
            booster, path, booster.save_model, suffix=".ubj", model_class=kind, module="xgboost"
        )

    categorical = "c" in (booster.feature_types or ())
    signature = signature_of_numbers(booster.feature_names, booster.num_features(), predicted)
    save_model(run, take, xgboost_flavor, signature=None if categorical else signature)
