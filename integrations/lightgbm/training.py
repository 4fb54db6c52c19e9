"""`lightgbm.train`, called by the user or by the fit of an estimator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autotrack import names
from autotrack.boosting.evaluation import log_evaluations
from autotrack.boosting.lineage import log_origin
from autotrack.boosting.nesting import is_part, is_users_own, trained_by
from autotrack.boosting.parameters import given, log_stopping
from autotrack.boosting.runs import log_data, tags_of
from autotrack.boosting.splits import Split
from autotrack.held_out import fitted
from autotrack.integration import Call
from autotrack.integrations.lightgbm import at_hand
from autotrack.integrations.lightgbm.booster import Source, booster_snapshot, describe, predictor_of
from autotrack.integrations.lightgbm.callback import AutotrackCallback
from autotrack.models.flavors.lightgbm import lightgbm_flavor
from autotrack.models.saving import save_model
from autotrack.models.signature import signature_of_numbers
from autotrack.naming import run_name
from autotrack.run import Run

_LOGGED = ("num_boost_round", "keep_training_booster", "feval")


def observe_train(call: Call) -> Iterator[None]:
    """Record the iterations of one training; of the user's own call data, evaluations and the model too."""
    estimator = trained_by(call)
    if not (is_users_own(call) if estimator is None else is_part(call, estimator)):
        return
    arguments = call.arguments()
    with call.run(name=run_name("lightgbm.train"), tags=tags_of("lightgbm")) as run:
        if not run.first("iterations"):  # an estimator that trains several boosters
            return
        known = given({**{name: arguments[name] for name in _LOGGED}, **given(arguments["params"])})
        run.log_params(known)
        log_origin(run, arguments["init_model"])
        sources = _sources(arguments) if estimator is None else []
        callback = inject(call, run, arguments["callbacks"])
        if callback is not None:
            callback.reads_predictions = estimator is None and at_hand.are_wanted(arguments)
        yield
        booster = call.result
        fitted.remember(booster, run)
        if callback is not None:
            callback.log_best(run, booster.best_iteration)
        _log_best_score(run, booster)
        describe(run, booster, known)
        if estimator is None:
            everything = booster.best_iteration in {-1, 0, booster.current_iteration()}  # what `predict` uses
            _finish(call, run, sources, callback.predicted if callback is not None and everything else {})


def inject(call: Call, run: Run, callbacks: Any) -> AutotrackCallback | None:
    """Put our callback before the user's, in a new list: LightGBM orders the others by their distance from the end."""
    if callbacks is not None and not isinstance(callbacks, (list, tuple, set)):
        return None  # LightGBM is about to refuse it
    scheduled = any(getattr(callback, "before_iteration", False) for callback in callbacks or ())
    callback = AutotrackCallback(run, learning_rate=scheduled)
    log_stopping(run, callbacks or ())
    call.replace(callbacks=[callback, *(callbacks or ())])
    return callback


def _log_best_score(run: Run, booster: Any) -> None:
    if booster.best_iteration > 0:
        scores = [value for metrics in booster.best_score.values() for value in metrics.values()]
        if scores:
            run.log_metric("best_score", scores[-1])


def _sources(arguments: Mapping[str, Any]) -> list[Source]:
    train, valid, given_names = arguments["train_set"], arguments["valid_sets"], arguments["valid_names"]
    sets = valid if isinstance(valid, (list, tuple)) else [] if valid is None else [valid]
    called = [given_names] if isinstance(given_names, str) else given_names or []
    found = [
        Source(called[place] if place < len(called) else f"valid_{place}", data)
        for place, data in enumerate(sets)
        if data is not train
    ]
    return [*found, Source(names.TRAINING, train)]


def _finish(call: Call, run: Run, sources: list[Source], known: Mapping[int, Any]) -> None:
    booster = call.result
    splits: list[Split] = []
    for source in sources:
        split = source.split(known)
        if isinstance(split, str):
            run.note("evaluation.skipped", split)
        else:
            splits.append(split)
    log_data(run, *sources[-1].fingerprinted(), splits)
    predictor, predicted = predictor_of(booster), None
    if isinstance(predictor, str):
        run.note("evaluation.skipped", predictor)
    else:
        predicted = log_evaluations(call, run, booster, predictor, splits)
    inputs = next((source.data for source in reversed(sources) if source.data is not None), None)
    signature = signature_of_numbers(booster.feature_name(), booster.num_feature()) if inputs is None else None
    save_model(
        run,
        lambda path: booster_snapshot(booster, path),
        lightgbm_flavor,
        inputs=inputs,
        outputs=predicted,
        signature=signature,
    )
