"""Evaluate a tracked model on held-out data, when the user computes a metric or a score, and log it all.

Where it is logged: always into the run that trained the model, finished or not. Where the user's active run is another
one (neither that run nor its parent), the same metrics are logged there too, under the same names, with the tag
`autotrack.evaluated_run` and a note that say whose they are; so evaluating inside one's own run never leaves it empty.

How often: once for each pair of true values and predictions of a model, whatever number of metrics the user computes
on it. Other predictions for the same data (another threshold, the next epoch of `partial_fit`) are the next step of the
same metrics; other data are the next split: `test`, `test_2`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from autotrack import names
from autotrack.active import active_run
from autotrack.errors import EvaluationError
from autotrack.evaluation import evaluate
from autotrack.held_out.samples import digest, rows_of
from autotrack.integration import Call
from autotrack.integrations.sklearn.held_out_arrays import Arrays, gather, missing_scores, sample_of, with_labels
from autotrack.integrations.sklearn.kinds import REGRESSOR, kind_of
from autotrack.integrations.sklearn.metric_names import Metric
from autotrack.integrations.sklearn.provenance import Found
from autotrack.integrations.sklearn.run_history import Evaluated, RunHistory, history_of
from autotrack.patching import nesting
from autotrack.patching.quiet import quietly
from autotrack.recording import current_recorder
from autotrack.run import Run

SECONDS_PER_ROW = 1e-6
SECONDS_PER_PAIR = 3e-9
EVALUATED_RUN = "autotrack.evaluated_run"


def record_metric(found: Found, metric: Metric) -> None:
    """Evaluate what the user computes a metric of, and log the number itself if the evaluation lacks it.

    Args:
        found: Where the predictions come from.
        metric: The call of the metric function, which has not run yet.
    """
    if not current_recorder().settings.log_evaluation:
        return
    started = time.perf_counter()
    run = found.prediction.run
    call = Call("sklearn", metric.function, (), {}, None)
    nesting.run_inside(call, _record_metric, call, found, metric)
    run.overhead += time.perf_counter() - started


def _record_metric(call: Call, found: Found, metric: Metric) -> None:
    run, model = found.prediction.run, found.prediction.model
    history = history_of(run)
    with history.lock, quietly(call, model):
        _record(history, run, model, found, metric)


def record_score(run: Run, found: Found | None, data: Any, truth: Any, value: float, call: Call) -> None:
    """Log what the user's `score` returned, and evaluate the predictions that it was computed from.

    Args:
        run: The run that trained the model.
        found: Its predictions, if they were seen.
        data: What was predicted for.
        truth: The true values, or None.
        value: What `score` returned.
        call: The call of `score`, still the active one.
    """
    history = history_of(run)
    with history.lock, quietly(call, call.instance):
        split = history.split_of(data if truth is None else truth, call.instance, found)
        if split is None:
            _note_too_many(run)
            return
        step = 0
        if found is not None and truth is not None:
            arrays = gather(found, found.prediction.result, truth, call.instance)
            step = _evaluate(history, run, split, found, arrays, truth)[0]
        else:
            step, _ = history.step_of(f"{split}_score", truth, data)
        log(run, {f"{split}_score": value}, step)


def _record(history: RunHistory, run: Run, model: Any, found: Found, metric: Metric) -> None:
    truth, guess = metric.params[metric.truth], metric.params[metric.guess]
    if rows_of(truth) != rows_of(guess):
        return  # the metric is about to say so itself
    split = history.split_of(truth, model, found)
    if split is None:
        _note_too_many(run)
        return
    if not metric.compares_rows or found.part is not None:
        key = f"{split}_{metric.key()}{_part_suffix(found, model)}"
        step, known = history.step_of(key, truth, guess)
        if not known:
            _log_number(history, run, key, step, metric)
        return
    arrays = gather(found, guess, truth, model)
    step, evaluated = _evaluate(history, run, split, found, arrays, truth)
    key = metric.key(binary=evaluated is not None and evaluated.positive is not None)
    if evaluated is not None and _has_number(evaluated, key, found, metric):
        _explain(history, run, f"{split}_{key}", metric)
    else:
        key = f"{split}_{metric.key()}"
        if not history.step_of(f"{key} {step}", truth, guess)[1]:
            _log_number(history, run, key, step, metric)


def _evaluate(
    history: RunHistory, run: Run, split: str, found: Found, arrays: Arrays, truth: Any
) -> tuple[int, Evaluated | None]:
    """Evaluate unless that was done; return the step of the evaluation, and the evaluation if there is one."""
    arrays = with_labels(arrays)
    key, labels = digest(truth), digest(arrays.labels)
    scores = sample_of(arrays.scores) if found.is_scores else None
    done = history.evaluated.setdefault(split, [])
    step = len(done)
    for place, known in enumerate(done):
        if known.truth == key and (known.has_scores(scores) if found.is_scores else known.labels == labels):
            return place, known
        if known.truth == key and known.labels == labels and known.scores is None:
            step = place  # the same predictions, now with scores
    evaluated = _evaluation(run, split, found, arrays, truth, step)
    if evaluated is not None:
        done[step : step + 1] = [evaluated]
    return step, evaluated


def _evaluation(run: Run, split: str, found: Found, arrays: Arrays, truth: Any, step: int) -> Evaluated | None:
    budget = current_recorder().settings.evaluation_budget
    model = found.prediction.model
    is_regression = kind_of(model) == REGRESSOR if model is not None else _is_continuous(arrays.labels)
    if arrays.scores is None and not is_regression and hasattr(model, "classes_") and found.whole:
        scores, reason = missing_scores(found.prediction, budget)
        arrays = arrays._replace(scores=scores)
        if reason is not None:
            run.note("evaluation.partial", f"{split}: no ROC and no log loss: {reason}")
    try:
        result = evaluate(
            truth,
            arrays.labels,
            arrays.scores,
            labels=arrays.classes,
            split=split,
            task="regression" if is_regression and np.ndim(truth) == 1 else None,
            budget_seconds=budget,
        )
    except EvaluationError as error:
        run.note("evaluation.skipped", f"{split}: {error}")
        return None
    run.log_evaluation(result, step)
    _copy_to_active(run, {f"{split}_{key}": value for key, value in result.metrics.items() if value is not None}, step)
    return Evaluated(digest(truth), digest(arrays.labels), sample_of(arrays.scores), result.metrics, result.positive)


def _is_continuous(labels: Any) -> bool:
    array = np.asarray(labels)
    return array.dtype.kind == "f" and bool((array != np.floor(array)).any())


def _has_number(evaluated: Evaluated, key: str, found: Found, metric: Metric) -> bool:
    """Say whether an evaluation has the very number the user asked for."""
    if metric.wants_scores != found.is_scores or evaluated.metrics.get(key) is None:
        return False
    positive = metric.params.get("pos_label")
    return positive is None or evaluated.positive is None or str(positive) == evaluated.positive


def _part_suffix(found: Found, model: Any) -> str:
    part = found.part
    if part is None:
        return ""
    classes = getattr(model, "classes_", None)
    if found.is_scores and isinstance(classes, np.ndarray) and 0 <= part < len(classes):
        return f"_class_{classes[part]}"
    return f"_output_{part}" if part >= 0 else "_part"


def _log_number(history: RunHistory, run: Run, key: str, step: int, metric: Metric) -> None:
    """Compute the number the user asked for, if it is one and the budget allows, and log it."""
    if not metric.gives_number:
        return
    rows = rows_of(metric.params[metric.guess]) or 0
    seconds = rows * SECONDS_PER_ROW if metric.truth != "X" else rows * rows * SECONDS_PER_PAIR
    if seconds > current_recorder().settings.evaluation_budget:
        run.note("evaluation.skipped", f"{key}: {rows} rows would take longer than evaluation_budget")
        return
    try:
        value = metric.function(**metric.arguments())
    except Exception as error:  # noqa: BLE001 - the user's own call is about to raise the same
        run.note("evaluation.skipped", f"{key}: {type(error).__name__}: {error}")
        return
    if np.ndim(value) == 0:
        log(run, {key: float(value)}, step)
        _explain(history, run, key, metric)


def log(run: Run, metrics: Mapping[str, float], step: int) -> None:
    """Log metrics into the model's run, and into the user's active one if that is another."""
    run.log_metrics(metrics, step)
    _copy_to_active(run, metrics, step)


def _copy_to_active(run: Run, metrics: Mapping[str, float], step: int) -> None:
    active = active_run()
    if active is None or active.id in {run.id, run.parent_id}:
        return
    active.log_metrics(metrics, step)
    active.set_tag(EVALUATED_RUN, run.id)
    active.note("evaluation.copied", f"{', '.join(metrics)}: of the model of run {run.name} ({run.id})")


def _explain(history: RunHistory, run: Run, key: str, metric: Metric) -> None:
    """Keep the call behind a number, as MLflow does."""
    if key in history.info:
        return
    history.info[key] = metric.text()
    run.log_dict(dict(sorted(history.info.items())), names.METRIC_INFO)


def _note_too_many(run: Run) -> None:
    run.note("evaluation.skipped", "more held-out data than splits are kept apart; nothing is logged for the rest")
