"""The fit of an estimator of a boosting library, as one run, with or without the integration of scikit-learn beside.

Where both are on, both see the call: what scikit-learn's integration knows of every estimator it logs, and this adds
what the library knows. The model is written by the library, in its own format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from autotrack import names
from autotrack.boosting.evaluation import log_evaluations
from autotrack.boosting.nesting import is_own, is_part
from autotrack.boosting.parameters import given
from autotrack.boosting.runs import log_data, tags_of
from autotrack.boosting.splits import CLASSIFICATION, RANKING, REGRESSION, Predictor, Split, from_arrays
from autotrack.held_out import fitted
from autotrack.integration import Call
from autotrack.models.flavors.base import Flavor
from autotrack.models.saving import save_model
from autotrack.models.snapshot import Snapshot
from autotrack.naming import run_name
from autotrack.run import Run

TRAINING_EVALUATION = f"evaluation:{names.TRAINING}"


class EstimatorData(NamedTuple):
    """What a fit was given.

    Attributes:
        X: The features.
        y: The target, or None.
        weights: Weights, or None.
        groups: Sizes of the groups of a ranking, or None.
        splits: The sets to validate on; None for those that cannot be read again.
    """

    X: Any
    y: Any
    weights: Any
    groups: Any
    splits: Sequence[Split | None]


def observe_estimator(
    call: Call,
    *,
    library: str,
    data: Callable[[dict[str, Any]], EstimatorData],
    snapshot: Callable[[Any, Path], Snapshot],
    flavor: Callable[[Run, Any], Callable[[Snapshot], Flavor]],
    outputs: Callable[[Any, Any, Any], Any] | None = None,
) -> Iterator[None]:
    """Record one fit of an estimator.

    Args:
        call: The call of `fit`.
        library: Name of the integration.
        data: Reads the data from the arguments.
        snapshot: Writes the fitted estimator to a path.
        flavor: Returns what describes the file, from the run and the fitted estimator.
        outputs: Gives something of the type that the saved model returns, from the estimator, its target and what was
            predicted; by default what `predict` returns.
    """
    estimator = call.instance
    if not is_part(call, estimator):
        return
    own = is_own(call, estimator)
    part = f"{library}.fit"
    with call.run(name=run_name(type(estimator).__name__), tags=tags_of(library, estimator)) as run:
        if not run.first(part):  # the fit of a subclass calls that of its base
            return
        writes_model = own and run.first(names.MODEL)
        known = given(estimator.get_params())
        if own and run.first("params"):
            run.log_params(known)
        found = data(call.arguments())
        evaluates = own and is_ranker(estimator) and run.first(TRAINING_EVALUATION)  # scikit-learn knows no rankers
        yield
        fitted.remember(estimator, run, found.y)
        splits = [split for split in found.splits if split is not None]
        training = from_arrays(names.TRAINING, found.X, found.y, found.weights, found.groups)
        log_data(run, found.X, found.y, splits)
        if own and training is not None and (evaluates or run.first(TRAINING_EVALUATION)):
            splits.append(training)
        predicted = log_evaluations(call, run, estimator, predictor_of(estimator), splits)
        if writes_model:
            save_model(
                run,
                lambda path: snapshot(estimator, path),
                flavor(run, estimator),
                inputs=found.X,
                outputs=(outputs or _outputs)(estimator, found.y, predicted),
            )


def predictor_of(estimator: Any) -> Predictor:
    """Return how a fitted estimator predicts."""
    if is_ranker(estimator):
        return Predictor(RANKING, estimator.predict)
    if hasattr(estimator, "predict_proba"):
        return Predictor(CLASSIFICATION, estimator.predict_proba, estimator.classes_)
    return Predictor(REGRESSION, estimator.predict)


def _outputs(estimator: Any, target: Any, predicted: Any) -> Any:
    """Return something of the type that `predict` returns: labels of a classifier, whose scores were evaluated."""
    return target if predicted is None or hasattr(estimator, "predict_proba") else predicted


def is_ranker(estimator: Any) -> bool:
    """Say whether an estimator ranks rows within groups."""
    return any(kind.__name__.endswith("Ranker") for kind in type(estimator).__mro__)
