"""`catboost.cv` as one run: mean and deviation of each iteration, and the folds; CatBoost takes no callbacks here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autotrack.boosting.cross_validation import log_folds
from autotrack.boosting.iterations import metric_key
from autotrack.boosting.nesting import is_users_own
from autotrack.boosting.parameters import log_given
from autotrack.boosting.runs import log_data, tags_of
from autotrack.integration import Call
from autotrack.integrations.catboost.data import split_of
from autotrack.integrations.catboost.folds import FoldFiles, table_of
from autotrack.naming import run_name
from autotrack.run import Run

_LOGGED = (
    "iterations",
    "num_boost_round",
    "fold_count",
    "nfold",
    "inverted",
    "partition_random_seed",
    "seed",
    "shuffle",
    "stratified",
    "early_stopping_rounds",
    "folds",
    "type",
)
RESULTS = "cv_results.csv"


def observe_cv(call: Call) -> Iterator[None]:
    """Record one cross-validation."""
    if not is_users_own(call):
        return
    arguments = call.arguments()
    with call.run(name=run_name("catboost.cv"), tags=tags_of("catboost")) as run:
        log_given(run, arguments["params"], **{name: arguments[name] for name in _LOGGED})
        pool = arguments["pool"] if arguments["pool"] is not None else arguments["dtrain"]
        data = split_of("training", pool, None)
        if data is not None:
            log_data(run, data.data, data.truth, [])
        files = FoldFiles(arguments["params"])
        yield
        folds = files.read()
        result = call.result[0] if isinstance(call.result, tuple) else call.result
        columns = {name: list(result[name]) for name in result}
        _log_columns(run, columns)
        run.defer("writing the results", lambda: run.log_table(columns, RESULTS))
        if folds:
            run.defer("reading the folds", lambda: log_folds(run, table_of(folds)))
        else:
            run.note("folds.skipped", "CatBoost returns no folds, and wrote no files of them (allow_writing_files)")


def _log_columns(run: Run, columns: dict[str, list[Any]]) -> None:
    """Log columns like "test-Logloss-mean" as metrics."""
    steps = [int(step) for step in columns.get("iterations", [])]

    for place, step in enumerate(steps):
        row = {metric_key("", name)[1:]: values[place] for name, values in columns.items() if name != "iterations"}

        run.log_metrics(row, step)
