"""What a model predicts: classes, values, or something that is not evaluated."""

from __future__ import annotations

from typing import Any

import numpy as np

CLASSIFICATION = "classification"
REGRESSION = "regression"


def task_of(model: Any) -> str | None:
    """Return what the in-sample predictions of a model can be compared with its data as; None for none."""
    kinds = {kind.__name__ for kind in type(model).__mro__}
    if kinds & {"BinaryModel", "MNLogit"} or _is_binomial(model):
        return CLASSIFICATION if np.ndim(model.endog) == 1 and _are_codes(model.endog) else None
    if kinds & {"SurvfuncRight", "PHReg", "OrderedModel"}:
        return None
    return REGRESSION


def _is_binomial(model: Any) -> bool:
    return type(getattr(model, "family", None)).__name__ == "Binomial"


def _are_codes(values: Any) -> bool:
    """Say whether all values are whole numbers from 0: a Binomial model takes shares too."""
    numbers = np.asarray(values)
    return bool(numbers.size) and bool(((numbers == np.floor(numbers)) & (numbers >= 0)).all())
