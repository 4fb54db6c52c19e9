"""See what the user's own `score` calls return."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from typing import Any

from autotrack.active import is_paused
from autotrack.integration import Call, Patcher
from autotrack.integrations.sklearn.classes import definition
from autotrack.integrations.sklearn.fitted import Training, training_of
from autotrack.integrations.sklearn.held_out import record_score
from autotrack.integrations.sklearn.kinds import last_step
from autotrack.integrations.sklearn.predictions import PREDICT, Scoring, inside, note_prediction
from autotrack.integrations.sklearn.provenance import Found
from autotrack.integrations.sklearn.samples import rows_of
from autotrack.integrations.sklearn.split_names import is_library
from autotrack.patching import nesting
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
    def autotrack_score(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        outer = inside.get()
        if not patcher.live or outer or is_paused() or nesting.active_call() is not None:
            if type(outer) is Scoring and last_step(outer.model) is self:
                outer.model = self  # a pipeline or a search hands over to the model in it
            return function(self, *args, **kwargs)
        training = training_of(self)
        if training is None or is_library(sys._getframe(1)):  # noqa: SLF001 - permutation importance and the like
            return function(self, *args, **kwargs)
        scoring = Scoring(self)
        token = inside.set(scoring)
        started = time.perf_counter()
        try:
            value = function(self, *args, **kwargs)
        finally:
            inside.reset(token)
        call = Call(patcher.source, function, (self, *args), kwargs, None)
        call.seconds, call.result = time.perf_counter() - started, value
        _record(patcher, training, call, scoring)
        return value

    return autotrack_score


def _record(patcher: Patcher, training: Training, call: Call, scoring: Scoring) -> None:
    if not current_recorder().settings.log_evaluation:
        return
    started = time.perf_counter()
    token = nesting.enter(call)
    try:
        with shielded(f"recording {call.function.__qualname__}", training.run.note):
            _evaluate(patcher, training, call, scoring)
    finally:
        call.under_way = False
        nesting.leave(token)
        training.run.overhead += time.perf_counter() - started


def _evaluate(patcher: Patcher, training: Training, call: Call, scoring: Scoring) -> None:
    arguments = call.arguments()
    data, truth = arguments.get("X"), arguments.get("y")
    found = None
    if scoring.predicted is not None and truth is not None and rows_of(scoring.predicted) == rows_of(truth):
        prediction = note_prediction(patcher, training, PREDICT, data, scoring.predicted, call.seconds)
        found = Found(prediction, None, whole=True, copied=True)
    record_score(training.run, found, data, truth, float(call.result), call)
