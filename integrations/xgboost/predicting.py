"""What the user's own boosters predict, so that metrics computed of it are known to be theirs."""

from __future__ import annotations

import json
from typing import Any

from autotrack.held_out.predictions import DECISION, PREDICT, PROBABILITIES, noted
from autotrack.integration import Patcher

_OTHER_RESULTS = ("pred_leaf", "pred_contribs", "approx_contribs", "pred_interactions")


def watch_predictions(patcher: Patcher, booster_class: Any) -> None:
    """Note what boosters predict."""
    for method in ("predict", "inplace_predict"):
        patcher.replace(booster_class, method, noted(patcher, vars(booster_class)[method], _kind))


def _kind(booster: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """Tell what a call returned: scores of classes, labels or values; None for leaves and contributions."""
    if any(kwargs.get(name) for name in _OTHER_RESULTS) or len(args) > 1:
        return None
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["learner_train_param"]["objective"]
    margin = bool(args and args[0]) or kwargs.get("output_margin") or kwargs.get("predict_type") == "margin"
    if margin or objective == "binary:logitraw":
        return DECISION
    return PROBABILITIES if objective in {"binary:logistic", "multi:softprob"} else PREDICT
