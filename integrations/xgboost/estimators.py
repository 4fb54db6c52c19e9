"""The estimators of XGBoost: their fit as one run, with the training that it makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xgboost.sklearn import XGBModel

from autotrack.boosting.estimators import EstimatorData, observe_estimator
from autotrack.boosting.runs import library_class
from autotrack.boosting.splits import at, from_arrays, group_sizes
from autotrack.integration import Call
from autotrack.models.flavors.xgboost import xgboost_flavor
from autotrack.models.snapshot import Snapshot, take_native_snapshot


def observe_fit(call: Call) -> Iterator[None]:
    """Record one fit of an estimator."""
    return observe_estimator(
        call, library="xgboost", data=_data, snapshot=_snapshot, flavor=lambda _run, _estimator: xgboost_flavor
    )


def _snapshot(estimator: Any, path: Path) -> Snapshot:
    kind = library_class(estimator, "xgboost")
    return take_native_snapshot(
        estimator, path, estimator.save_model, suffix=".ubj", model_class=kind, module="xgboost"
    )


def _data(arguments: dict[str, Any]) -> EstimatorData:
    weights = arguments.get("sample_weight_eval_set")
    groups = [
        at(arguments.get("eval_group"), place)
        if at(arguments.get("eval_qid"), place) is None
        else group_sizes(at(arguments["eval_qid"], place))
        for place in range(len(arguments.get("eval_set") or ()))
    ]
    own_groups = arguments.get("group")
    X, y = arguments.get("X"), arguments.get("y")
    return EstimatorData(
        X,
        y,
        arguments.get("sample_weight"),
        group_sizes(arguments.get("qid")) if own_groups is None else own_groups,
        [
            from_arrays(f"validation_{place}", pair[0], pair[1], at(weights, place), groups[place])
            for place, pair in enumerate(arguments.get("eval_set") or ())
            if not (pair[0] is X and pair[1] is y)
        ],
    )


def classes() -> list[type]:
    """Return the classes that define a `fit` of their own."""
    found: list[type] = []
    waiting: list[type] = [XGBModel]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if "fit" in vars(kind) and kind.__module__ == "xgboost.sklearn" and kind not in found:
            found.append(kind)
    return found
