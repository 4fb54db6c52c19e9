"""CatBoost's data, and how its models predict for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from catboost import CatBoost, Pool

from autotrack.boosting.estimators import is_ranker
from autotrack.boosting.runs import Shape
from autotrack.boosting.splits import CLASSIFICATION, RANKING, REGRESSION, Predictor, Split, from_arrays, group_sizes


def split_of(name: str, X: Any, y: Any, weights: Any = None, group_id: Any = None) -> Split | None:
    """Return a Pool, or arrays, as a split; None where there are no labels or the data lie in a file."""
    if not isinstance(X, Pool):
        return from_arrays(name, X, y, weights, group_sizes(group_id))
    labels = X.get_label()
    if labels is None or not len(labels):
        return None
    rows = X.num_row()
    own_weights = np.asarray(X.get_weight())
    return Split(
        name,
        rows,
        np.asarray(labels),
        Shape((rows, X.num_col())),
        lambda positions: X if positions is None else X.slice([int(at) for at in positions]),
        own_weights if own_weights.size == rows and bool((own_weights != 1).any()) else None,
        _groups(X),
        divisible=not X.is_quantized(),
    )


def _groups(pool: Pool) -> Any:
    ids = np.asarray(pool.get_group_id_hash())
    return group_sizes(ids) if ids.size == pool.num_row() else None


def predictor_of(model: CatBoost) -> Predictor:
    """Return how a fitted model predicts; a plain `CatBoost` by its loss."""
    loss = str(model.get_all_params().get("loss_function", ""))
    if is_ranker(model) or CatBoost._is_ranking_objective(loss):  # noqa: SLF001 - the one place that knows
        return Predictor(RANKING, model.predict)
    if CatBoost._is_classification_objective(loss):  # noqa: SLF001 - the same
        return Predictor(CLASSIFICATION, lambda data: model.predict(data, "Probability"), np.asarray(model.classes_))
    return Predictor(REGRESSION, model.predict)
