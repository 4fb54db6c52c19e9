"""`lightgbm.cv` as one run: mean and deviation of each iteration while it runs, and the table of all folds."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from autotrack.boosting.cross_validation import FoldTable, log_folds
from autotrack.boosting.iterations import log_best
from autotrack.boosting.lineage import log_origin
from autotrack.boosting.nesting import is_users_own
from autotrack.boosting.parameters import log_given
from autotrack.boosting.runs import log_data, tags_of
from autotrack.integration import Call, Patcher
from autotrack.integrations.lightgbm.booster import Source
from autotrack.integrations.lightgbm.callback import values_of
from autotrack.integrations.lightgbm.training import inject
from autotrack.naming import run_name
from autotrack.patching.nesting import active_call
from autotrack.shield import shielded

_LOGGED = ("num_boost_round", "nfold", "stratified", "shuffle", "metrics", "feval", "fpreproc", "folds", "seed")


def observe_cv(call: Call) -> Iterator[None]:
    """Record one cross-validation."""
    if not is_users_own(call):
        return
    arguments = call.arguments()
    with call.run(name=run_name("lightgbm.cv"), tags=tags_of("lightgbm")) as run:
        log_given(run, arguments["params"], **{name: arguments[name] for name in _LOGGED})
        log_origin(run, arguments["init_model"])
        source = Source("training", arguments["train_set"])
        callback = inject(call, run, arguments["callbacks"])
        table = call.memo = FoldTable()
        yield
        log_data(run, *source.fingerprinted(), [])
        lengths = [len(values) for values in call.result.values() if isinstance(values, list)]
        if callback is not None and lengths and lengths[0] < len(callback.history.rows):
            log_best(run, lengths[0] - 1, callback.history.rows)
        log_folds(run, table)


def watch_folds(patcher: Patcher, engine: ModuleType) -> None:
    """Take down what each fold is evaluated to; LightGBM keeps only means and deviations."""

    def make(original: Any) -> Any:
        def autotrack_aggregate(raw_results: Any, *args: Any, **kwargs: Any) -> Any:
            call = active_call()
            table = call.memo if call is not None and patcher.live else None
            if isinstance(table, FoldTable):
                with shielded("reading the folds of lightgbm.cv"):
                    for fold, results in enumerate(raw_results):
                        table.add(fold, values_of(results))
            return original(raw_results, *args, **kwargs)

        return autotrack_aggregate

    patcher.wrap(engine, "_agg_cv_result", make)
