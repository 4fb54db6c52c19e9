"""Which tracked model made which array.

Each prediction that the user asks a tracked model for leaves a small note: weak references to model, data and result,
and a sample of the result. Nothing is kept alive by it. Notes are found again by the identity of the array (from any
thread), or among the last few predictions of the same context.
"""

from __future__ import annotations

import functools
import time
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import msgspec
import numpy as np

from autotrack.active import is_paused
from autotrack.held_out.fitted import Training, training_of
from autotrack.held_out.samples import Array, rows_of, step_for
from autotrack.patching.nesting import active_call
from autotrack.patching.patcher import Patcher
from autotrack.patching.unseen import unseen
from autotrack.run import Run
from autotrack.shield import contain, shielded

PREDICT = "predict"
PROBABILITIES = "predict_proba"
LOG_PROBABILITIES = "predict_log_proba"
DECISION = "decision_function"
METHODS = (PREDICT, PROBABILITIES, LOG_PROBABILITIES, DECISION)
MAX_RECENT = 16

KindOfCall = Callable[[Any, tuple[Any, ...], dict[str, Any]], "str | None"]

inside: ContextVar[Scoring | bool] = ContextVar("autotrack_predicting", default=False)
"""Whether this code runs in a prediction or a score that the user asked for: what happens in there is not his."""
_recent: ContextVar[tuple[Prediction, ...]] = ContextVar("autotrack_predictions", default=())
_made: dict[int, _Made] = {}


class Scoring(msgspec.Struct):
    """A `score` under way, which keeps what its model predicts meanwhile.

    Attributes:
        model: The model whose predictions count.
        predicted: What its `predict` returned last.
    """

    model: Any
    predicted: Any = None


class Prediction:
    """A note of one prediction.

    Attributes:
        kind: The method: one of `METHODS`.
        training: The training that made the model what it was.
        data: Weak reference to what was predicted for, or None where it takes none.
        results: Weak references to the array returned, or to the arrays of a list.
        rows: Rows predicted, or None where the result has none.
        step: Distance between the rows in `sample`.
        sample: Every `step`-th row of the result; None unless that is one numpy array.
        seconds: How long it took.
        patcher: Of the integration that saw it; a note of an earlier `enable` is void.
    """

    __slots__ = ("__weakref__", "data", "kind", "patcher", "results", "rows", "sample", "seconds", "step", "training")

    def __init__(self, patcher: Patcher, training: Training, kind: str, data: Any, result: Any, seconds: float) -> None:
        self.patcher = patcher
        self.training = training
        self.kind = kind
        self.data = _weak(data)
        self.seconds = seconds
        self.step = 1
        self.sample: Array | None = None
        arrays = result if isinstance(result, (list, tuple)) else (result,)
        self.results = tuple(reference for array in arrays if (reference := _weak(array)) is not None)
        if type(result) is np.ndarray and result.ndim:
            self.rows: int | None = len(result)
            self.step = step_for(result.size)
            self.sample = result[:: self.step].copy()
        else:
            self.rows = rows_of(arrays[0]) if len(arrays) and arrays[0] is not result else rows_of(result)

    @property
    def run(self) -> Run:
        """The run that trained the model."""
        return self.training.run

    @property
    def model(self) -> Any:
        """The model, or None if it is gone."""
        return self.training.estimator()

    @property
    def source(self) -> Any:
        """What was predicted for, or None if it is gone."""
        return self.data() if self.data is not None else None

    @property
    def result(self) -> Any:
        """The array that was returned, if it was one and is still there."""
        return self.results[0]() if len(self.results) == 1 else None


class _Made(weakref.ref[Any]):
    """A weak reference to a result that takes itself out of the map when the result goes."""

    __slots__ = ("key", "prediction")
    key: int
    prediction: Prediction


def _weak(value: Any) -> weakref.ref[Any] | None:
    try:
        return weakref.ref(value)
    except TypeError:
        return None


def _gone(reference: _Made) -> None:
    with shielded("forgetting a prediction"):  # else Python prints what is raised here
        if _made.get(reference.key) is reference:
            del _made[reference.key]


def noted(patcher: Patcher, function: Callable[..., Any], kind: str | KindOfCall) -> Callable[..., Any]:
    """Return a method that predicts as `function` does, and notes what it returned.

    Args:
        patcher: Of the integration; the replacement is transparent once its patches are undone.
        function: A method that takes the data first, or by name as `X` or `data`.
        kind: What it returns, one of `METHODS`; or a function that tells it for one call from the model, the other
            arguments by position and those by name, None where it is nothing to note.
    """

    @functools.wraps(function)
    @unseen
    def autotrack_predict(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        outer = inside.get()
        training = None if outer else training_to_watch(patcher, self)
        if training is None:
            result = function(self, *args, **kwargs)
            if type(outer) is Scoring and kind == PREDICT and outer.model is self:
                outer.predicted = result
            return result
        token = inside.set(True)
        started = time.perf_counter()
        try:
            result = function(self, *args, **kwargs)
        finally:
            inside.reset(token)
        try:
            seconds = time.perf_counter() - started
            found = kind if isinstance(kind, str) else kind(self, args[1:], kwargs)
            if found is not None:
                data = args[0] if args else kwargs.get("X", kwargs.get("data"))
                note_prediction(patcher, training, found, data, result, seconds)
        except Exception as error:  # noqa: BLE001 - a hot path: `shielded` costs more than the note
            contain(error, f"noting what {function.__qualname__} returned", training.run.note)
        return result

    return autotrack_predict


def training_to_watch(patcher: Patcher, model: Any) -> Training | None:
    """Return the training of a model whose methods the user calls himself, None if there is nothing to watch."""
    try:
        if not patcher.live or is_paused() or active_call() is not None:
            return None
        return training_of(model)
    except Exception as error:  # noqa: BLE001 - a hot path: `shielded` costs more than all of this
        contain(error, "looking for the run of a model")
        return None


def note_prediction(
    patcher: Patcher, training: Training, kind: str, data: Any, result: Any, seconds: float
) -> Prediction:
    """Note that a model, as `training` left it, has returned `result` for `data` within `seconds`."""
    prediction = Prediction(patcher, training, kind, data, result, seconds)
    for reference in prediction.results:
        array = reference()
        _know(array, prediction)
        base = getattr(array, "base", None)
        if type(base) is np.ndarray and base is not data:  # numpy gives views of a view the first array as base
            _know(base, prediction)
    _recent.set((*_recent.get()[1 - MAX_RECENT :], prediction))
    return prediction


def _know(array: Any, prediction: Prediction) -> None:
    made = _Made(array, _gone)
    made.key = id(array)
    made.prediction = prediction
    _made[made.key] = made


def maker_of(array: Any) -> Prediction | None:
    """Return the prediction that returned this very object."""
    made = _made.get(id(array))
    if made is None or made() is not array or not made.prediction.patcher.live:
        return None
    return made.prediction


def recent_predictions() -> list[Prediction]:
    """Return the last predictions of this context, the newest first."""
    return [prediction for prediction in reversed(_recent.get()) if prediction.patcher.live]


def forget_all() -> None:
    """Forget every prediction of this context, and every array."""
    _made.clear()
    _recent.set(())
