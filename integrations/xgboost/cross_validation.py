"""`xgboost.cv` as one run: mean and deviation of each iteration while it runs, and the table of all folds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autotrack.boosting.cross_validation import FoldTable, log_folds
from autotrack.boosting.iterations import log_best, metric_key
from autotrack.boosting.nesting import is_users_own
from autotrack.boosting.parameters import log_given
from autotrack.boosting.runs import log_data, tags_of
from autotrack.boosting.splits import Split
from autotrack.integration import Call, Patcher
from autotrack.integrations.xgboost.booster import split_of
from autotrack.integrations.xgboost.training import inject
from autotrack.naming import run_name
from autotrack.patching.nesting import active_call
from autotrack.shield import shielded

_OPTIONS = ("num_boost_round", "nfold", "stratified", "early_stopping_rounds", "maximize", "seed", "shuffle", "metrics")
_FUNCTIONS = ("obj", "custom_metric", "fpreproc", "folds")


def observe_cv(call: Call) -> Iterator[None]:
    """Record one cross-validation."""
    if not is_users_own(call):
        return
    arguments = call.arguments()
    with call.run(name=run_name("xgboost.cv"), tags=tags_of("xgboost")) as run:
        log_given(run, arguments["params"], **{name: arguments[name] for name in (*_OPTIONS, *_FUNCTIONS)})
        split: Split | None = split_of("train", arguments["dtrain"])
        if split is not None:
            log_data(run, split.data, split.truth, [])
        callback = inject(call, run, arguments["callbacks"])
        table = call.memo = FoldTable()
        yield
        if arguments["early_stopping_rounds"] and callback is not None:
            log_best(run, len(next(iter(dict(call.result).values()))) - 1, callback.history.rows)
        log_folds(run, table)


def watch_folds(patcher: Patcher, module: Any) -> None:
    """Take down what each fold is evaluated to; XGBoost keeps only means and deviations."""

    def make(original: Any) -> Any:
        def autotrack_eval(self: Any, *args: Any, **kwargs: Any) -> str:
            text: str = original(self, *args, **kwargs)
            call = active_call()
            table = call.memo if call is not None and patcher.live else None
            if isinstance(table, FoldTable):
                with shielded("reading a fold of xgboost.cv"):
                    table.add(self, _parse(text))
            return text

        return autotrack_eval

    patcher.wrap(module.CVPack, "eval", make)


def _parse(text: str) -> dict[str, float]:
    """Read the text of one evaluation: iteration, then `<data>-<metric>:<value>`, apart by tabs."""
    found = {}
    for entry in text.split()[1:]:
        key, _, value = entry.rpartition(":")
        data, _, metric = key.partition("-")
        found[metric_key(data, metric)] = float(value)
    return found
