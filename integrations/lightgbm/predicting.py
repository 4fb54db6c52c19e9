"""What the user's own boosters predict, so that metrics computed of it are known to be theirs."""

from __future__ import annotations

from typing import Any

from autotrack.held_out.predictions import DECISION, PREDICT, PROBABILITIES, noted
from autotrack.integration import Patcher

_OTHER_RESULTS = ("pred_leaf", "pred_contrib")
_POSITIONS = ("start_iteration", "num_iteration", "raw_score", "pred_leaf", "pred_contrib")


def watch_predictions(patcher: Patcher, booster_class: Any) -> None:
    """Note what boosters predict."""
    patcher.replace(booster_class, "predict", noted(patcher, vars(booster_class)["predict"], _kind))


def _kind(booster: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """Tell what a call returned: scores of classes or values; None for leaves and contributions."""
    options = {**dict(zip(_POSITIONS, args, strict=False)), **kwargs}
    if any(options.get(name) for name in _OTHER_RESULTS):
        return None
    objective = str(booster.dump_model(num_iteration=1).get("objective", ""))
    if not objective.startswith(("binary", "multiclass")):
        return PREDICT
    return DECISION if options.get("raw_score") else PROBABILITIES
