"""Several models from one call of `fit`: a search by cross-validation or on a split, or a list of param maps.

Everything is read when the call is over, so it is the same for any `parallelism`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, TrainValidationSplit, TrainValidationSplitModel

from autotrack import names
from autotrack.candidates import Candidate, candidate_name, log_candidates
from autotrack.integrations.pyspark.fitted_numbers import last_model, summary_numbers
from autotrack.integrations.pyspark.parameters import map_names, params_of, stage_names
from autotrack.recording import current_recorder
from autotrack.run import Run

Columns = dict[str, list[float]]


def is_search(estimator: Any) -> bool:
    """Say whether this is a search over parameters."""
    return isinstance(estimator, (CrossValidator, TrainValidationSplit))


def best_of(model: Any) -> Any:
    """Return the model that a search chose, or the model itself."""
    return model.bestModel if isinstance(model, (CrossValidatorModel, TrainValidationSplitModel)) else model


def log_search(run: Run, search: Any, model: Any, max_children: int) -> None:
    """Log all candidates of a search, the best one, and runs for the best few.

    Args:
        run: Its run.
        search: The search that was fitted.
        model: What came of it.
        max_children: How many of the best candidates get a run of their own.
    """
    labels, maps = stage_names(search), search.getEstimatorParamMaps()
    columns, means = _scores(search, model)
    order = _best_first(means, larger_is_better=search.getEvaluator().isLargerBetter())
    tried = [map_names(changes, labels) for changes in maps]
    best = order[0]
    run.log_params({f"best_{name}": value for name, value in tried[best].items()})
    run.log_metrics({names.BEST_CV_SCORE: means[best], "best_index": best, "n_candidates": len(maps)})
    if isinstance(search, CrossValidator):
        run.log_metric("n_splits", search.getNumFolds())
    estimator = search.getEstimator()
    log_candidates(
        run,
        (
            _candidate(estimator, maps[at], labels, {name: column[at] for name, column in columns.items()})
            for at in order
        ),
        {**_table(tried), **columns},
        count=len(maps),
        max_children=max_children,
        tags={names.AUTOLOGGING: "pyspark.ml", names.ESTIMATOR_NAME: type(estimator).__name__},
    )


def log_several(
    run: Run, estimator: Any, maps: Sequence[Any], models: Sequence[Any], remember: Callable[[Any, Run], None]
) -> None:
    """Log the models of a list of param maps, each as a run of its own as far as there may be some.

    Args:
        run: The run of the call.
        estimator: What was fitted.
        maps: The param maps.
        models: What came of each.
        remember: Ties a model to its run.
    """
    labels = stage_names(estimator)
    tried = [map_names(changes, labels) for changes in maps]
    run.log_metric("n_candidates", len(maps))
    children = log_candidates(
        run,
        (
            _candidate(estimator, changes, labels, summary_numbers(last_model(model)))
            for changes, model in zip(maps, models, strict=True)
        ),
        _table(tried),
        count=len(maps),
        max_children=current_recorder().settings.max_child_runs,
        tags={names.AUTOLOGGING: "pyspark.ml", names.ESTIMATOR_NAME: type(estimator).__name__},
    )
    for at, model in enumerate(models):
        remember(model, children[at] if at < len(children) else run)


def _scores(search: Any, model: Any) -> tuple[Columns, list[float]]:
    """Return the scores of all candidates under the names MLflow gives them, and those that choose the best one."""
    evaluator = search.getEvaluator()
    metric = evaluator.getMetricName() if hasattr(evaluator, "getMetricName") else type(evaluator).__name__
    if isinstance(model, TrainValidationSplitModel):
        means = [float(value) for value in model.validationMetrics]
        return {metric: means}, means
    means = [float(value) for value in model.avgMetrics]
    deviations = [float(value) for value in model.stdMetrics]
    return {f"avg_{metric}": means, **({f"std_{metric}": deviations} if deviations else {})}, means


def _best_first(means: Sequence[float], *, larger_is_better: bool) -> list[int]:
    """Return the positions of candidates: the one that Spark chose, then the others by their score, NaN last."""
    values = np.asarray(means)
    best = int(np.argmax(values) if larger_is_better else np.argmin(values))
    order = np.argsort(-values if larger_is_better else values, kind="stable").tolist()
    return [best, *(at for at in order if at != best)]


def _candidate(
    estimator: Any, changes: Mapping[Any, Any], labels: Mapping[str, str], scores: Mapping[str, float]
) -> Candidate:
    return Candidate(
        name=candidate_name((param.name, value) for param, value in changes.items()),
        params=params_of(estimator.copy(changes), labels),
        scores=scores,
    )


def _table(tried: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return all param maps as a table: a column for the map, and one for each parameter."""
    columns: dict[str, list[Any]] = {"params": [dict(found) for found in tried]}
    for name in dict.fromkeys(_all_names(tried)):
        columns[f"param_{name}"] = [found.get(name) for found in tried]
    return columns


def _all_names(tried: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for found in tried:
        yield from found
