"""Truth and scores of an evaluation pass, collected batch by batch on their device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from autotrack.errors import EvaluationError
from autotrack.evaluation import evaluate
from autotrack.integrations.torch.readings import BINARY, CLASSES, LABELS, READERS, Reading
from autotrack.recording import current_recorder
from autotrack.run import Run

MAX_NUMBERS = 4_000_000
"""Numbers that a pass keeps; of a larger one the first rows are evaluated."""


class Collected:
    """The readings of one loss function in a pass; empty where they cannot be evaluated."""

    def __init__(self) -> None:
        self._readings: list[Reading] = []
        self._numbers = 0
        self._rows = 0
        self._event: Any = None

    def __bool__(self) -> bool:
        return bool(self._readings)

    def add(self, name: str, given: Mapping[str, Any]) -> None:
        """Add a batch, as long as there is room."""
        self._rows += given["target"].shape[0] if given["target"].dim() else 1
        if self._numbers >= MAX_NUMBERS:
            return
        reading = READERS[name](given)
        if reading is None:
            return
        if self._readings and not _alike(reading, self._readings[0]):
            return
        self._readings.append(reading)
        self._numbers += reading.scores.numel() + reading.truth.numel()

    def seal(self) -> None:
        """Mark the point up to which the device has to be when another thread reads."""
        if self and self._readings[0].scores.is_cuda:
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record(torch.cuda.current_stream(self._readings[0].scores.device))

    def log(self, run: Run, split: str, step: int) -> None:
        """Evaluate, and log the result; meant for a background thread."""
        if self._event is not None:
            self._event.synchronize()
        kind, ignored = self._readings[0].kind, self._readings[0].ignored
        truth = np.concatenate([reading.truth.cpu().numpy() for reading in self._readings])
        scores = np.concatenate([reading.scores.cpu().numpy() for reading in self._readings])
        self._readings = []
        if ignored is not None and (truth == ignored).any():
            truth, scores = truth[truth != ignored], scores[truth != ignored]
        if kind in {BINARY, LABELS} and not np.isin(truth, (0.0, 1.0)).all():
            run.note("evaluation.skipped", f"{split}: the targets are shares and not labels")
            return
        if kind in {BINARY, LABELS}:
            truth = truth.astype(int)
        if len(truth) < self._rows and ignored is None:
            run.note("evaluation.sampled", f"{split}: the first {len(truth)} of {self._rows} rows were evaluated")
        try:
            report = evaluate(
                truth,
                split=split,
                budget_seconds=current_recorder().settings.evaluation_budget,
                **_arguments(kind, truth, scores),
            )
        except EvaluationError as error:
            run.note("evaluation.skipped", f"{split}: {error}")
            return
        run.log_evaluation(report, step)


def _alike(one: Reading, other: Reading) -> bool:
    return one.kind == other.kind and one.scores.shape[1:] == other.scores.shape[1:]


def _arguments(kind: str, truth: Any, scores: Any) -> dict[str, Any]:
    """Return what `evaluate` is to be told beside the truth."""
    if kind == CLASSES:
        if scores.ndim == 1:
            return {"y_pred": scores}
        return {"y_score": scores[:, 1] if scores.shape[1] == 2 else scores, "labels": np.arange(scores.shape[1])}
    if kind == BINARY:
        return {"y_pred": (scores > 0.5).astype(int), "y_score": scores, "labels": np.arange(2), "task": "binary"}
    if kind == LABELS:
        return {"y_pred": (scores > 0.5).astype(int), "y_score": scores, "task": "multilabel"}
    return {
        "y_pred": scores,
        "task": "regression" if truth.ndim == 1 or truth.shape[1] == 1 else "multioutput_regression",
    }
