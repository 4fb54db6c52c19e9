"""What a run has been told about held-out data so far: which data are which split, and what was evaluated on them.

Data are known again by their true values, by the object that was predicted for, or by the prediction itself, all of
them held weakly; so `y_test`, a copy of it and `y_test == 2` are all the split "test" of that model.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from autotrack.evaluation import Evaluation
from autotrack.held_out.fitted import training_of
from autotrack.held_out.predictions import Prediction
from autotrack.held_out.samples import Array, digest, follows
from autotrack.held_out.split_names import TEST, TRAINING, split_by_name
from autotrack.integrations.sklearn.provenance import Found
from autotrack.run import Run

MAX_SPLITS = 10
MAX_STEPS = 1000


class Evaluated(NamedTuple):
    """One evaluation of a split.

    Attributes:
        truth: Digest of the true values.
        labels: Digest of the predicted labels or values, or None where they were read off the scores.
        scores: Sample of the scores, or None where there were none.
        metrics: Its numbers.
        positive: Name of the positive class of two.
    """

    truth: bytes | None
    labels: bytes | None
    scores: Array | None
    metrics: Mapping[str, float | None]
    positive: str | None

    def has_scores(self, sample: Array | None) -> bool:
        """Say whether these scores, or others that rank the rows alike, were evaluated."""
        mine = self.scores
        if mine is None or sample is None or len(mine) != len(sample):
            return False
        if mine.shape == sample.shape and _are_shares(mine) and _are_shares(sample):
            return bool(np.allclose(mine, sample, rtol=0, atol=1e-9))
        return follows(sample.argmax(axis=1) if sample.ndim == 2 else sample, mine, scores=True)


def _are_shares(scores: Array) -> bool:
    return bool(((scores >= 0) & (scores <= 1)).all())


class _Data:
    """One set of data and the name of its split."""

    def __init__(self, split: str, base: str) -> None:
        self.split = split
        self.base = base
        self.digests: set[bytes] = set()
        self.source: weakref.ref[Any] | None = None
        self.predictions: weakref.WeakSet[Prediction] = weakref.WeakSet()

    def is_of(self, key: bytes | None, prediction: Prediction | None) -> bool:
        if key in self.digests or prediction in self.predictions:
            return True
        source = prediction.source if prediction is not None else None
        return source is not None and self.source is not None and self.source() is source

    def add(self, key: bytes | None, prediction: Prediction | None) -> None:
        if key is not None and len(self.digests) < MAX_STEPS:
            self.digests.add(key)
        if prediction is not None:
            self.predictions.add(prediction)
            self.source = prediction.data or self.source


class RunHistory:
    """What was evaluated for one run."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.evaluated: dict[str, list[Evaluated]] = {}
        self.info: dict[str, str] = {}
        self._data: list[_Data] = []
        self._steps: dict[str, dict[tuple[bytes | None, ...], int]] = {}

    def split_of(self, truth: Any, model: Any, found: Found | None) -> str | None:
        """Return the name of the split that `truth` belongs to, or None where there are too many already.

        Args:
            truth: The true values, or what stands for them where there are none.
            model: The model, or None if it is gone.
            found: The prediction that is evaluated, if it is known.
        """
        key = digest(truth)
        prediction = found.prediction if found is not None and found.whole else None
        data = next((known for known in self._data if known.is_of(key, prediction)), None)
        if data is None:
            if len(self._data) >= MAX_SPLITS:
                return None
            training = training_of(model)
            is_training = training is not None and key is not None and key == training.target
            base = TRAINING if is_training else split_by_name(truth) or TEST
            namesakes = sum(known.base == base for known in self._data)
            data = _Data(f"{base}_{namesakes + 1}" if namesakes else base, base)
            self._data.append(data)
        data.add(key, prediction)
        return data.split

    def step_of(self, key: str, *arrays: Any) -> tuple[int, bool]:
        """Return the step for a number from these arrays, and whether it has been logged there already."""
        steps = self._steps.setdefault(key, {})
        content = tuple(digest(array) for array in arrays)
        if content in steps:
            return steps[content], True
        step = len(steps)
        if step < MAX_STEPS:
            steps[content] = step
        return step, step >= MAX_STEPS


_histories: weakref.WeakKeyDictionary[Run, RunHistory] = weakref.WeakKeyDictionary()


def history_of(run: Run) -> RunHistory:
    """Return what was evaluated for a run."""
    history = _histories.get(run)
    return history if history is not None else _histories.setdefault(run, RunHistory())


def note_training(run: Run, truth: Any, predicted: Any, evaluation: Evaluation) -> None:
    """Note the evaluation on the training data that follows a fit, so that the user's own is not a second one.

    Args:
        run: The run that trained the model.
        truth: All of the labels or values it was trained on.
        predicted: Its predictions for them.
        evaluation: What was logged.
    """
    known = Evaluated(digest(truth), digest(predicted), None, evaluation.metrics, evaluation.positive)
    history_of(run).evaluated.setdefault(TRAINING, [known])
