"""Predictions that LightGBM has at hand at the end of a training, for the data of that training: it keeps their scores.

They are handed to an evaluation function, the one public way to them. Predicting anew would cost a pass through all
trees, and needs the raw data, which LightGBM lets go of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightgbm import Dataset

from autotrack.boosting.parameters import given
from autotrack.boosting.splits import MOST_NUMBERS
from autotrack.recording import current_recorder

_BOOSTING = ("boosting", "boosting_type", "boost")


def are_wanted(arguments: Mapping[str, Any]) -> bool:
    """Say whether the scores at the end of a training will be what the finished booster predicts, and are evaluated."""
    if not current_recorder().settings.log_evaluation or arguments["init_model"] is not None:
        return False
    params = given(arguments["params"])
    if any(params.get(alias, "gbdt") not in {"gbdt", "gbrt", "goss"} for alias in _BOOSTING):
        return False
    valid = arguments["valid_sets"]
    sets = [arguments["train_set"], *(valid if isinstance(valid, (list, tuple)) else [] if valid is None else [valid])]
    return all(isinstance(data, Dataset) and data.init_score is None for data in sets)  # `predict` knows none


def read(booster: Any) -> dict[int, Any]:
    """Return predictions for each set of data, by the id of its Dataset; read in a callback, on the last iteration."""
    found: dict[int, Any] = {}

    def keep(predictions: Any, data: Any) -> tuple[str, float, bool]:
        if predictions.size <= MOST_NUMBERS:
            found[id(data)] = predictions.copy()
        return "", 0.0, True

    booster.eval_train(keep)
    booster.eval_valid(keep)
    return found
