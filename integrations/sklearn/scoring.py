"""See what the user's own `score` calls return."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from typing import Any

from autotrack.held_out.fitted import Training
from autotrack.held_out.predictions import (
    PREDICT,
    Scoring,
    inside,
    note_prediction,
    training_to_watch,
)
from autotrack.held_out.samples import rows_of
from autotrack.held_out.split_names import is_library
from autotrack.integration import Call, Patcher
from autotrack.integrations.sklearn.classes import definition
from autotrack.integrations.sklearn.held_out import record_score
from autotrack.integrations.sklearn.kinds import last_step
from autotrack.integrations.sklearn.provenance import Found
from autotrack.patching import nesting
from autotrack.patching.unseen import unseen
from autotrack.recording import current_recorder
from autotrack.shield import shielded


def patch_scores(patcher: Patcher, owner: type) -> None:
    """Observe `score`, if the class defines it itself."""
    place = definition(owner, "score")
    if place is not None:
        holder, name = place
        patcher.replace(holder, name, _observed(patcher, getattr(holder, name)))


def _observed(patcher: Patcher, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    @unseen
    def autotrack_score(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        outer = inside.get()
        if isinstance(outer, Scoring):
            _hand_over(outer, self)
        training = None if outer else training_to_watch(patcher, self)
        if training is None or _is_called_by_library():
            return function(self, *args, **kwargs)
        scoring = Scoring(self)
        token = inside.set(scoring)
        started = time.perf_counter()
        try:
            value = function(self, *args, **kwargs)
        finally:
            inside.reset(token)
        seconds = time.perf_counter() - started
        with shielded(f"recording {function.__qualname__}", training.run.note):
            call = Call(patcher.source, function, (self, *args), kwargs, None)
            call.seconds, call.result = seconds, value
            _record(patcher, training, call, scoring)
        return value

    return autotrack_score


def _hand_over(outer: Scoring, model: Any) -> None:
    """Watch the predictions of the model in a pipeline or a search, when that calls the model's `score`."""
    with shielded("watching a score"):
        if last_step(outer.model) is model:
            outer.model = model


def _is_called_by_library() -> bool:
    """Say whether a library calls `score`: permutation importance, a scorer."""
    with shielded("looking for the caller of a score"):
        return is_library(sys._getframe(2))  # noqa: SLF001 - the one way to a caller
    return True


def _record(patcher: Patcher, training: Training, call: Call, scoring: Scoring) -> None:
    if not current_recorder().settings.log_evaluation:
        return
    started = time.perf_counter()
    nesting.run_inside(call, _evaluate, patcher, training, call, scoring)
    training.run.overhead += time.perf_counter() - started


def _evaluate(patcher: Patcher, training: Training, call: Call, scoring: Scoring) -> None:
    arguments = call.arguments()
    data, truth = arguments.get("X"), arguments.get("y")
    found = None
    if scoring.predicted is not None and truth is not None and rows_of(scoring.predicted) == rows_of(truth):
        prediction = note_prediction(patcher, training, PREDICT, data, scoring.predicted, call.seconds)
        found = Found(prediction, None, whole=True, copied=True)
    record_score(training.run, found, data, truth, float(call.result), call)
