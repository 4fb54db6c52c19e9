"""The estimators of LightGBM: their fit as one run, with the training that it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from autotrack.boosting.estimators import EstimatorData, observe_estimator
from autotrack.boosting.runs import library_class
from autotrack.boosting.splits import at, from_arrays
from autotrack.errors import UnsupportedValueError
from autotrack.integration import Call
from autotrack.integrations.lightgbm.booster import booster_snapshot
from autotrack.models.flavors.base import Flavor
from autotrack.models.flavors.lightgbm import lightgbm_flavor
from autotrack.models.flavors.lightgbm_estimator import attributes_of, write_estimator
from autotrack.models.snapshot import Snapshot
from autotrack.run import Run


def observe_fit(call: Call) -> Iterator[None]:
    """Record one fit of an estimator."""
    return observe_estimator(
        call,
        library="lightgbm",
        data=_data,
        snapshot=_snapshot,
        flavor=describe_estimator,
        outputs=_outputs,
    )


def _snapshot(estimator: Any, path: Path) -> Snapshot:
    """Write the booster: LightGBM's own format has no estimators."""
    return booster_snapshot(estimator.booster_, path)


def describe_estimator(run: Run, estimator: Any) -> Callable[[Snapshot], Flavor]:
    """Return what describes a saved booster, with the estimator that `autotrack.models.load` puts around it again."""
    kind = library_class(estimator, "lightgbm").rpartition(".")[2]
    attributes = attributes_of(estimator)

    def flavor(snapshot: Snapshot) -> Flavor:
        try:
            around = write_estimator(kind, attributes)
        except UnsupportedValueError as error:
            run.note("model.estimator", f"the model is loaded as a Booster, not as {kind}: {error}")
            return lightgbm_flavor(snapshot)
        return lightgbm_flavor(snapshot, around)

    return flavor


def _outputs(estimator: Any, target: Any, predicted: Any) -> Any:  # noqa: ARG001 - see `observe_estimator`
    """Return what the booster, which is what is saved, predicts: of two classes the probability of the second."""
    scores = np.zeros((1, estimator.booster_.num_model_per_iteration()))
    return scores if scores.shape[1] > 1 else scores[:, 0]


def _data(arguments: dict[str, Any]) -> EstimatorData:
    X, y = arguments.get("X"), arguments.get("y")
    pairs = _pairs(arguments)
    called = arguments.get("eval_names")
    return EstimatorData(
        X,
        y,
        arguments.get("sample_weight"),
        arguments.get("group"),
        [
            from_arrays(
                at(called, place) or f"valid_{place}",
                pair[0],
                pair[1],
                at(arguments.get("eval_sample_weight"), place),
                at(arguments.get("eval_group"), place),
            )
            for place, pair in enumerate(pairs)
            if not (pair[0] is X and pair[1] is y)
        ],
    )


def _pairs(arguments: dict[str, Any]) -> list[Any]:
    """Return the sets to validate on, whichever way they were given: since LightGBM 4.7 also as `eval_X`, `eval_y`."""
    sets = arguments.get("eval_set")
    if sets is not None:
        return [sets] if isinstance(sets, tuple) else list(sets)
    features, targets = arguments.get("eval_X"), arguments.get("eval_y")
    if features is None or targets is None:
        return []
    if isinstance(features, tuple) != isinstance(targets, tuple):
        return []  # LightGBM refuses this, and says so better, as it does where the lengths differ
    return list(zip(features, targets, strict=False)) if isinstance(features, tuple) else [(features, targets)]
