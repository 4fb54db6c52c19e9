"""The fit of CatBoost models as one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from catboost import CatBoost, Pool

from autotrack import names
from autotrack.boosting.evaluation import log_evaluations
from autotrack.boosting.importance import log_importances
from autotrack.boosting.iterations import Row, log_best, rows_of
from autotrack.boosting.lineage import log_origin
from autotrack.boosting.nesting import is_own, is_part
from autotrack.boosting.parameters import given, log_effective
from autotrack.boosting.runs import library_class, log_data, tags_of
from autotrack.boosting.splits import Split
from autotrack.held_out import fitted
from autotrack.integration import Call
from autotrack.integrations.catboost.callback import AutotrackCallback
from autotrack.integrations.catboost.data import predictor_of, split_of
from autotrack.models.flavors.catboost import catboost_flavor
from autotrack.models.saving import save_model
from autotrack.models.signature import signature_of_numbers
from autotrack.models.snapshot import take_native_snapshot
from autotrack.naming import run_name
from autotrack.run import Run

MAX_ITERATIONS_WITH_CALLBACK = 100
_LOGGED = ("early_stopping_rounds", "use_best_model", "metric_period", "cat_features", "text_features")


def observe_fit(call: Call) -> Iterator[None]:
    """Record one fit of a model."""
    model = call.instance
    if not is_part(call, model):
        return
    own = is_own(call, model)
    arguments = call.arguments()
    with call.run(name=run_name(type(model).__name__), tags=tags_of("catboost", model)) as run:
        if not run.first("iterations"):
            return
        writes_model = own and run.first(names.MODEL)
        known = given({**{name: arguments.get(name) for name in _LOGGED}, **model.get_params()})
        run.log_params(known)
        log_origin(run, arguments.get("init_model"))
        callback = _inject(call, run, model, arguments.get("callbacks"))
        yield
        fitted.remember(model, run, arguments.get("y"))
        _log_iterations(run, model, callback, arguments)
        _describe(run, model, known)
        splits = _splits(arguments, own=own)
        _log_data(run, arguments, splits)
        predicted = log_evaluations(call, run, model, predictor_of(model), splits)
        if writes_model:
            _save(run, model, arguments.get("X"), predicted)


def _inject(call: Call, run: Run, model: CatBoost, callbacks: Any) -> AutotrackCallback | None:
    """Put our callback before the user's, in a new list, where CatBoost takes one and that costs next to nothing.

    Before each call of a callback CatBoost copies the whole history so far: 4,000 iterations of 1.6 s took 11 s with
    one that does nothing. Metrics of a long training are read when it is over, unless the user has callbacks anyway.
    """
    if model.get_param("task_type") == "GPU" or (callbacks is not None and not isinstance(callbacks, (list, tuple))):
        return None
    if not callbacks and _iterations(model) > MAX_ITERATIONS_WITH_CALLBACK:
        return None
    callback = AutotrackCallback(run)
    call.replace(callbacks=[callback, *(callbacks or ())])
    return callback


def _iterations(model: CatBoost) -> int:
    names_of_it = ("iterations", "n_estimators", "num_boost_round", "num_trees")
    return next((int(value) for name in names_of_it if (value := model.get_param(name)) is not None), 1000)


def _log_iterations(
    run: Run, model: CatBoost, callback: AutotrackCallback | None, arguments: Mapping[str, Any]
) -> None:
    rows = callback.history.rows if callback is not None else []
    if not rows:
        rows = rows_after_training(model, arguments)
        for step, metrics in rows:
            run.log_metrics(metrics, step)
    best = model.get_best_iteration()
    if best is not None:
        log_best(run, int(best), rows)
        scores = [value for metrics in model.get_best_score().values() for value in metrics.values()]
        if scores:
            run.log_metric("best_score", scores[-1])


def rows_after_training(model: CatBoost, arguments: Mapping[str, Any]) -> list[Row]:
    """Return what CatBoost kept of each iteration: with a `metric_period` every so many, and always the last."""
    history = model.get_evals_result()
    count = max((len(values) for metrics in history.values() for values in metrics.values()), default=0)
    period = int(arguments.get("metric_period") or model.get_param("metric_period") or 1)
    return rows_of(history, [step * period for step in range(count)])


def _describe(run: Run, model: CatBoost, known: Mapping[str, Any]) -> None:
    effective = {name: value for name, value in model.get_all_params().items() if value not in (None, [], {})}
    log_effective(run, effective, known)
    run.log_metrics({"n_trees": model.tree_count_, "learning_rate": model.learning_rate_})
    feature_names = model.feature_names_
    changes = getattr(model, "_prediction_values_change", None)  # CatBoost computes them in `fit`, where that is cheap
    if changes is None:
        run.note(
            "importance.skipped", "CatBoost computes importances of this model only with the training data at hand"
        )
        return
    importances = dict(zip(feature_names, np.asarray(changes, dtype=float).tolist(), strict=True))
    log_importances(run, {"PredictionValuesChange": importances})


def _splits(arguments: Mapping[str, Any], *, own: bool) -> list[Split]:
    sets = arguments.get("eval_set")
    sets = sets if isinstance(sets, list) else [] if sets is None else [sets]
    called = ["validation"] if len(sets) == 1 else [f"validation_{place}" for place in range(len(sets))]
    found = [split_of(name, *_pair(data)) for name, data in zip(called, sets, strict=True)]
    if own:
        others = arguments.get("sample_weight"), arguments.get("group_id")
        found.append(split_of(names.TRAINING, arguments.get("X"), arguments.get("y"), *others))
    return [split for split in found if split is not None]


def _pair(data: Any) -> tuple[Any, Any]:
    return (data[0], data[1]) if isinstance(data, tuple) and len(data) == 2 else (data, None)


def _log_data(run: Run, arguments: Mapping[str, Any], splits: list[Split]) -> None:
    X = arguments.get("X")
    training = next((split for split in splits if split.name == names.TRAINING), None)
    data = training.data if training is not None else None if isinstance(X, Pool) else X
    log_data(run, data, training.truth if training is not None else None, splits)


def _save(run: Run, model: CatBoost, X: Any, predicted: Any) -> None:
    kind = library_class(model, "catboost")
    readable = not isinstance(X, (Pool, str, Path))
    numbers = not model.get_cat_feature_indices() and not model.get_text_feature_indices()
    columns = [str(name) for name in model.feature_names_]
    unnamed = columns == [str(place) for place in range(len(columns))]
    signature = None
    if not readable and numbers:
        signature = signature_of_numbers(None if unnamed else columns, len(columns))
    save_model(
        run,
        lambda path: take_native_snapshot(
            model, path, lambda place: model.save_model(str(place)), suffix=".cbm", model_class=kind, module="catboost"
        ),
        catboost_flavor,
        inputs=X if readable else None,
        outputs=_outputs(model, predicted),
        signature=signature,
    )


def _outputs(model: CatBoost, predicted: Any) -> Any:
    """Return something of the type that `predict` returns: labels of a classifier, whose scores were evaluated."""
    return np.asarray(model.classes_) if hasattr(model, "predict_proba") else predicted
