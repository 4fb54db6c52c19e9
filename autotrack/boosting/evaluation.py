"""Evaluate a finished model on all sets of data it was given, within one budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from autotrack.boosting.rows import take_rows
from autotrack.boosting.splits import CLASSIFICATION, RANKING, REGRESSION, Predictor, Split
from autotrack.errors import EvaluationError
from autotrack.evaluation import Evaluation, evaluate
from autotrack.evaluation.budget import FEW_ROWS, budget_for, within_budget
from autotrack.evaluation.ranked import evaluate_ranking
from autotrack.integration import Call
from autotrack.patching.quiet import quietly
from autotrack.recording import current_recorder
from autotrack.run import Run


def log_evaluations(call: Call, run: Run, model: Any, predictor: Predictor, splits: Sequence[Split]) -> Any:
    """Evaluate the model on each split; what fails leaves a note.

    Args:
        call: The call that trained the model, still under way.
        run: Its run.
        model: The model, whose state is left as it is.
        predictor: How it predicts.
        splits: Sets of data, the most important first.

    Returns:
        Some of the predictions, for the model's signature, or None.
    """
    settings = current_recorder().settings
    if not settings.log_evaluation:
        return None
    deadline = time.perf_counter() + budget_for(call.seconds, settings.evaluation_budget)
    predicted = None
    with quietly(call, model):
        for place, split in enumerate(splits):
            share = (deadline - time.perf_counter()) / (len(splits) - place)
            predicted = _log_one(run, predictor, split, max(share, 1e-3), predicted)
    return predicted


def _log_one(run: Run, predictor: Predictor, split: Split, budget: float, earlier: Any) -> Any:
    try:
        (report, predicted), rows = _evaluate(predictor, split, budget)
    except EvaluationError as error:
        run.note("evaluation.skipped", f"{split.name}: {error}")
        return earlier
    except Exception as error:  # noqa: BLE001 - objectives, metrics and data are the user's: prediction may raise anything
        run.note("evaluation.skipped", f"{split.name}: {type(error).__name__}: {error}")
        return earlier
    run.log_evaluation(report)
    if rows is not None:
        message = f"{split.name}: metrics are from {len(rows)} of {split.rows} rows, to stay in the budget"
        run.note("evaluation.sampled", message)
    return predicted


def _evaluate(predictor: Predictor, split: Split, budget: float) -> tuple[tuple[Evaluation, Any], Any]:
    def compute(rows: Any) -> tuple[Evaluation, Any]:
        known = split.predicted
        predicted = predictor.finish(predictor.predict(split.features(rows)) if known is None else known)
        return _report(predictor, split, rows, predicted, budget), predicted

    if split.predicted is not None:
        return compute(None), None
    if predictor.task == RANKING:
        return _whole_groups(predictor, split, compute, budget)
    if split.divisible:
        return within_budget(compute, split.rows, budget)
    _check_cost(predictor, split, budget)
    return compute(None), None


def _check_cost(predictor: Predictor, split: Split, budget: float) -> None:
    seconds = predictor.seconds_per_row * split.rows
    if split.rows > FEW_ROWS and seconds > budget:
        message = f"its {split.rows} rows cannot be sampled, and predicting all of them would take about"
        raise EvaluationError(f"{message} {seconds:.2g} s, more than the {budget:.2g} s there are")


def _whole_groups(
    predictor: Predictor, split: Split, compute: Any, budget: float
) -> tuple[tuple[Evaluation, Any], Any]:
    """Evaluate all groups, or the first ones where all would take too long: a group cannot be sampled by rows."""
    if split.groups is None:
        raise EvaluationError("its groups are not known")
    ends = np.cumsum(split.groups)
    few = int(ends[min(int(np.searchsorted(ends, FEW_ROWS)), len(ends) - 1)])
    if few == split.rows or not split.divisible:
        _check_cost(predictor, split, budget)
        return compute(None), None
    rows = np.arange(few)
    started = time.perf_counter()
    found = compute(rows)
    if (time.perf_counter() - started) * split.rows / few > budget:
        return found, rows
    return compute(None), None


def _report(predictor: Predictor, split: Split, rows: Any, predicted: Any, budget: float) -> Evaluation:
    truth, weights = take_rows(split.truth, rows), take_rows(split.weights, rows)
    if predictor.task == RANKING:
        groups = np.asarray(split.groups)
        kept = groups if rows is None else groups[: np.searchsorted(np.cumsum(groups), len(rows)) + 1]
        return evaluate_ranking(truth, predicted, kept, split=split.name)
    options: dict[str, Any] = {"split": split.name, "sample_weight": weights, "budget_seconds": budget}
    if predictor.task == REGRESSION:
        return evaluate(truth, predicted, task="regression" if np.ndim(predicted) == 1 else None, **options)
    assert predictor.task == CLASSIFICATION  # noqa: S101 - there are three
    if predictor.classes is None:
        return evaluate(truth, predicted, **options)
    return evaluate(truth, None, predicted, labels=predictor.classes, **options)
