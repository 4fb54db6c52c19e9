"""What the user's own models predict: noted for the metrics computed of it, and evaluated where the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from autotrack.errors import EvaluationError
from autotrack.held_out import fitted, predictions
from autotrack.integration import Call, Patcher
from autotrack.integrations.keras.evaluation import to_numpy
from autotrack.integrations.keras.known_data import known_splits
from autotrack.integrations.keras.outputs import Meaning, meaning_of, report
from autotrack.recording import current_recorder
from autotrack.run import Run


def observer_of_predictions(patcher: Patcher) -> Callable[[Call], Iterator[None]]:
    """Return the observer of `predict`."""

    def observe_predict(call: Call) -> Iterator[None]:
        training = fitted.training_of(call.instance)
        if training is None or predictions.inside.get():
            return
        x = call.arguments()["x"]
        yield
        meaning = meaning_of(call.instance)
        if isinstance(meaning, Meaning):
            predictions.note_prediction(patcher, training, meaning.kind, x, call.result, call.seconds)
            _evaluate(training.run, meaning, x, call.result)

    return observe_predict


def _evaluate(run: Run, meaning: Meaning, x: Any, outputs: Any) -> None:
    """Evaluate predictions for data whose truth was given to `fit` or `evaluate`, if that was not done yet."""
    settings = current_recorder().settings
    split = known_splits(run).find(x)
    if split is None or split.y is None or not settings.log_evaluation:
        return
    if not known_splits(run).first_evaluation(split.name):
        return
    try:
        truth = to_numpy(split.y)
        found = report(meaning, truth, outputs, None, split=split.name, budget=settings.evaluation_budget)
        run.log_evaluation(found)
    except EvaluationError as error:
        run.note("evaluation.skipped", f"{split.name}: {error}")
