"""What a call of `predict` returned, so that metrics computed of it are known to be the model's."""

from __future__ import annotations

from typing import Any

from autotrack.held_out.predictions import DECISION, LOG_PROBABILITIES, PREDICT, PROBABILITIES

_KINDS = {
    "Class": PREDICT,
    "Exponent": PREDICT,
    "Probability": PROBABILITIES,
    "LogProbability": LOG_PROBABILITIES,
}


def kind_of(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """Tell what a call of `predict` returned by its prediction type; None for those with uncertainty."""
    wanted = kwargs.get("prediction_type", args[0] if args else None)
    if not isinstance(wanted, str):
        return PREDICT
    if wanted == "RawFormulaVal":
        return DECISION if hasattr(model, "predict_proba") else PREDICT
    return _KINDS.get(wanted)
