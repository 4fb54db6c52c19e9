"""Training on a Dask cluster: one run, recorded where the user calls; the workers record nothing."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from autotrack.boosting.distributed import NOT_READ, observe_distributed_fit
from autotrack.boosting.iterations import log_best, rows_of
from autotrack.boosting.nesting import is_users_own
from autotrack.boosting.parameters import given
from autotrack.boosting.runs import tags_of
from autotrack.integration import Call, Patcher
from autotrack.integrations.xgboost.booster import describe, save_booster
from autotrack.naming import run_name
from autotrack.run import Run

_LOGGED = ("num_boost_round", "early_stopping_rounds", "custom_metric", "obj")


def patch_dask(patcher: Patcher, module: ModuleType) -> None:
    """Observe the functions and estimators of `xgboost.dask`.

    The training function that it runs in workers stays XGBoost's own.
    """
    patcher.replace(module, "worker_train", inspect.unwrap(module.worker_train, stop=_is_librarys_own))
    patcher.observe(module, "train", observe_train, nested=True)
    for kind in vars(module).copy().values():
        if isinstance(kind, type) and kind.__module__ == module.__name__ and "fit" in vars(kind):
            patcher.observe(kind, "fit", observe_fit, nested=True)


def _is_librarys_own(function: Any) -> bool:
    return not function.__globals__["__name__"].startswith("autotrack.")


def observe_train(call: Call) -> Iterator[None]:
    """Record one training through `xgboost.dask.train`."""
    if not is_users_own(call):
        return
    arguments = call.arguments()
    with call.run(name=run_name("xgboost.dask.train"), tags=tags_of("xgboost")) as run:
        known = given({**{name: arguments[name] for name in _LOGGED}, **given(arguments["params"])})
        run.log_params(known)
        yield
        if isinstance(call.result, dict):
            _log_result(run, call.result["booster"], call.result["history"], known)
            save_booster(run, call.result["booster"], None)
            run.note("evaluation.skipped", NOT_READ)
        else:
            run.note("training.asynchronous", "an asynchronous Dask client returned before the training was over")


def observe_fit(call: Call) -> Iterator[None]:
    """Record one fit of an estimator on Dask."""
    return observe_distributed_fit(call, library="xgboost", finish=_finish_fit)


def _finish_fit(run: Run, estimator: Any, known: dict[str, Any]) -> None:
    booster = estimator.get_booster()
    _log_result(run, booster, getattr(estimator, "evals_result_", {}), known)
    save_booster(run, booster, None)


def _log_result(run: Run, booster: Any, history: Any, known: dict[str, Any]) -> None:
    rows = rows_of(history)
    for step, metrics in rows:
        run.log_metrics(metrics, step)
    best = booster.attr("best_iteration")
    if best is not None:
        log_best(run, int(best), rows)
        run.log_metric("best_score", float(booster.attr("best_score")))
    describe(run, booster, known)
