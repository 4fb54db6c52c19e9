"""Cross-validation and its curves, each call as one run with the scores of every fold.

The functions of `sklearn.model_selection` are imported by name all over a program, often before tracking is enabled, so
they are not replaced. Each is a checker of arguments around the function proper, which it holds in a closure: that cell
gets the observed function, and every name that anybody imported leads there.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from autotrack import names
from autotrack.capture.arguments import plain
from autotrack.errors import EvaluationError
from autotrack.evaluation import evaluate
from autotrack.integration import Call, Observer, Patcher
from autotrack.integrations.sklearn.kinds import REGRESSOR, kind_of
from autotrack.integrations.sklearn.parameters import Data, log_estimator_params
from autotrack.integrations.sklearn.runs import log_data, tags_of
from autotrack.patching.cell import Cell
from autotrack.recording import current_recorder
from autotrack.run import Run

MODULE = "sklearn.model_selection._validation"
SPLIT = "cross_validation"
"""Name of the split that out-of-fold predictions are evaluated under."""

Table = dict[str, Any]


def patch_cross_validation(patcher: Patcher, module: types.ModuleType) -> None:
    """Observe the functions of `sklearn.model_selection._validation`.

    Raises:
        UnsupportedLibraryError: They are not built as this module knows them.
    """
    for name, read in _READERS.items():
        patcher.observe(Cell(getattr(module, name), "func"), "func", _observer(name, read))


def _observer(name: str, read: Callable[[Run, Data, Any], Table]) -> Observer:
    def observe(call: Call) -> Iterator[None]:
        data = Data(call)
        estimator = data.others.get("estimator")
        tags = tags_of(estimator)
        with call.run(name=f"{name} {tags[names.ESTIMATOR_NAME]}", tags=tags) as run:
            log_estimator_params(run, estimator)
            _log_options(run, name, data.others)
            log_data(run, data)
            yield
            table = read(run, data, call.result)
            if table:
                run.defer("writing the folds", lambda: run.log_table(table, names.CV_FOLDS))

    return observe


def _log_options(run: Run, function: str, options: Mapping[str, Any]) -> None:
    """Log the options of the call as `<function>.<option>`; groups and parameters of fit may be data and are not."""
    others = {"estimator", "groups", "fit_params", "params"}
    run.log_params({f"{function}.{name}": plain(value) for name, value in options.items() if name not in others})


def _log_folds(run: Run, column: str, scores: Any) -> None:
    """Log a score of each fold as points of a series, with mean and deviation."""
    for fold, score in enumerate(scores.tolist()):
        run.log_metric(column, score, fold)
    run.log_metrics({f"mean_{column}": scores.mean(), f"std_{column}": scores.std()})


def _read_validate(run: Run, data: Data, result: Any) -> Table:
    del data
    table: Table = {}
    for column, values in result.items():
        scores = np.asarray(values) if column not in {"estimator", "indices"} else np.empty(0)
        if scores.ndim == 1 and scores.dtype.kind in "iuf" and scores.size:
            table[column] = scores
            _log_folds(run, column, scores)
    return {"fold": np.arange(len(next(iter(table.values())))), **table} if table else {}


def _read_score(run: Run, data: Data, result: Any) -> Table:
    return _read_validate(run, data, {"test_score": result})


def _read_predict(run: Run, data: Data, result: Any) -> Table:
    """Evaluate the out-of-fold predictions, which are of all rows the cross-validation was given."""
    if not current_recorder().settings.log_evaluation or data.y is None:
        return {}
    method = data.others.get("method", "predict")
    try:
        if method == "predict":
            task = "regression" if kind_of(data.others["estimator"]) == REGRESSOR and result.ndim == 1 else None
            report = evaluate(data.y, result, split=SPLIT, task=task)
        elif method in {"predict_proba", "decision_function"}:
            labels = np.unique(np.asarray(data.y)) if np.ndim(data.y) == 1 else None
            report = evaluate(data.y, None, result, labels=labels, split=SPLIT)
        else:
            return {}
    except EvaluationError as error:
        run.note("evaluation.skipped", f"out-of-fold predictions: {error}")
        return {}
    run.log_evaluation(report)
    return {}


def _read_learning_curve(run: Run, data: Data, result: Any) -> Table:
    del data
    sizes = [int(size) for size in result[0]]
    kinds = ("train_score", "test_score", "fit_time", "score_time")
    return _log_curve(run, "train_size", sizes, sizes, dict(zip(kinds, result[1:], strict=False)))


def _read_validation_curve(run: Run, data: Data, result: Any) -> Table:
    values = [plain(value) for value in data.others["param_range"]]
    columns = {"train_score": result[0], "test_score": result[1]}
    return _log_curve(run, str(data.others["param_name"]), values, list(range(len(values))), columns)


def _log_curve(run: Run, axis: str, values: list[Any], steps: list[int], columns: Mapping[str, Any]) -> Table:
    """Log mean and deviation of each point, and return all folds of all points as a table."""
    for at, step in enumerate(steps):
        means = {f"mean_{name}": scores[at].mean() for name, scores in columns.items()}
        run.log_metrics({**means, **{f"std_{name}": scores[at].std() for name, scores in columns.items()}}, step)
    folds = next(iter(columns.values())).shape[1]
    return {
        axis: [value for value in values for _ in range(folds)],
        "fold": list(range(folds)) * len(values),
        **{name: np.ravel(scores) for name, scores in columns.items()},
    }


def _read_permutation(run: Run, data: Data, result: Any) -> Table:
    del data
    score, permuted, p_value = result
    run.log_metrics({"test_score": score, "p_value": p_value})
    _log_folds(run, "permutation_score", np.asarray(permuted))
    return {"permutation": np.arange(len(permuted)), "permutation_score": permuted}


_READERS: Mapping[str, Callable[[Run, Data, Any], Table]] = {
    "cross_validate": _read_validate,
    "cross_val_score": _read_score,
    "cross_val_predict": _read_predict,
    "learning_curve": _read_learning_curve,
    "validation_curve": _read_validation_curve,
    "permutation_test_score": _read_permutation,
}
