"""`xgboost.train`, called by the user or by the fit of an estimator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xgboost import DMatrix, collective
from xgboost.callback import LearningRateScheduler

from autotrack import names
from autotrack.boosting.evaluation import log_evaluations
from autotrack.boosting.lineage import log_origin
from autotrack.boosting.nesting import is_part, is_users_own, trained_by
from autotrack.boosting.parameters import given, log_stopping
from autotrack.boosting.runs import log_data, tags_of
from autotrack.boosting.splits import MOST_NUMBERS, Split
from autotrack.held_out import fitted
from autotrack.integration import Call, CallFailedError
from autotrack.integrations.xgboost.booster import describe, predictor_of, save_booster, split_of
from autotrack.integrations.xgboost.callback import AutotrackCallback
from autotrack.naming import run_name
from autotrack.recording import current_recorder
from autotrack.run import Run

_LOGGED = ("num_boost_round", "early_stopping_rounds", "maximize", "custom_metric", "obj")


def observe_train(call: Call) -> Iterator[None]:
    """Record the iterations of one training; of the user's own call data, evaluations and the model too."""
    estimator = trained_by(call)
    if collective.get_rank() > 0 or not (is_users_own(call) if estimator is None else is_part(call, estimator)):
        return
    arguments = call.arguments()
    with call.run(name=run_name("xgboost.train"), tags=tags_of("xgboost")) as run:
        if not run.first("iterations"):  # an estimator that trains several boosters
            return
        known = {**given(arguments["params"]), **_arguments(arguments)}
        run.log_params(known)
        log_origin(run, arguments["xgb_model"])
        callback = inject(call, run, arguments["callbacks"])
        if callback is not None and estimator is None:
            callback.asked = _with_cached_predictions(arguments)
        try:
            yield
        except CallFailedError:
            if callback is not None:
                callback.catch_up()
            raise
        booster = call.result
        fitted.remember(booster, run)
        if callback is not None:
            callback.log_best(run, booster)
        describe(run, booster, known)
        if estimator is None:
            _finish(call, run, arguments, *(callback.predicted if callback is not None else (0, {})))


def _with_cached_predictions(arguments: Mapping[str, Any]) -> list[Any]:
    """Return the data whose predictions XGBoost keeps while it trains, so that reading them costs no prediction."""
    evals = arguments["evals"]
    data = [arguments["dtrain"], *(pair[0] for pair in evals or () if isinstance(pair, tuple))]
    if not all(isinstance(one, DMatrix) for one in data):
        return []  # XGBoost is about to refuse it
    numbers = sum(one.num_row() for one in data) * int(given(arguments["params"]).get("num_class") or 1)
    cached = given(arguments["params"]).get("booster", "gbtree") == "gbtree" and not collective.is_distributed()
    wanted = current_recorder().settings.log_evaluation and arguments["obj"] is None
    return data if cached and wanted and numbers <= MOST_NUMBERS else []


def _arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return given({name: arguments[name] for name in _LOGGED})


def inject(call: Call, run: Run, callbacks: Any) -> AutotrackCallback | None:
    """Put our callback before the user's, in a new list; a callback after one that stops the training is not called."""
    if callbacks is not None and not isinstance(callbacks, (list, tuple)):
        return None  # XGBoost is about to refuse it
    scheduled = any(isinstance(callback, LearningRateScheduler) for callback in callbacks or ())
    callback = AutotrackCallback(run, learning_rate=scheduled)
    log_stopping(run, callbacks or ())
    call.replace(callbacks=[callback, *(callbacks or ())])
    return callback


def _finish(call: Call, run: Run, arguments: Mapping[str, Any], rounds: int, known: Mapping[int, Any]) -> None:
    booster, train = call.result, arguments["dtrain"]
    same = rounds == booster.num_boosted_rounds()  # else a callback of the user's has cut the model
    splits = splits_of(train, arguments["evals"], known if same else {})
    training = next((split for split in splits if split.name == names.TRAINING), None)
    if training is not None:
        log_data(run, training.data, training.truth, splits)
    predictor = predictor_of(booster, custom=arguments["obj"] is not None)
    predicted = None
    if isinstance(predictor, str):
        run.note("evaluation.skipped", predictor)
    else:
        predicted = log_evaluations(call, run, booster, predictor, splits)
    save_booster(run, booster, predicted)


def splits_of(train: Any, evals: Any, known: Mapping[int, Any]) -> list[Split]:
    """Return the sets with labels, those to validate on first; the training data are called "training"."""
    named = {name: data for data, name in evals or () if data is not train}
    found = [split_of(name, data, known.get(id(data))) for name, data in {**named, names.TRAINING: train}.items()]
    return [split for split in found if split is not None]
