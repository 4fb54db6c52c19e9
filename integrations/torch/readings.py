"""What a loss function was given, as truth and scores: the numbers an evaluation is made of.

All of it stays on the device where the program has it, and nothing of it shares memory with the program's tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

MAX_CLASSES = 256
"""Classes up to which the scores of all are kept; of more, only the predicted class."""
MAX_OUTPUTS = 16
"""Outputs of a regression, or labels of a sample, that are evaluated."""

CLASSES = "classes"
BINARY = "binary"
LABELS = "labels"
REGRESSION = "regression"


class Reading(NamedTuple):
    """What one batch tells.

    Attributes:
        kind: CLASSES, BINARY, LABELS or REGRESSION.
        truth: Classes (n,), 0 and 1 (n,) or (n, labels), or values (n,) or (n, outputs).
        scores: Probabilities (n, classes), (n,) or (n, labels); predicted values; or predicted classes (n,).
        ignored: A class that stands for "not to be counted".
    """

    kind: str
    truth: torch.Tensor
    scores: torch.Tensor
    ignored: int | None = None


def _read_cross_entropy(given: Mapping[str, Any]) -> Reading | None:
    return _classes(given, lambda logits: torch.softmax(logits, dim=1))


def _read_nll(given: Mapping[str, Any]) -> Reading | None:
    return _classes(given, torch.exp)


def _classes(given: Mapping[str, Any], to_scores: Callable[[torch.Tensor], torch.Tensor]) -> Reading | None:
    outputs, truth = given["input"].detach(), given["target"].detach()
    if outputs.dim() < 2:
        outputs, truth = outputs.unsqueeze(0), truth.unsqueeze(0)
    size = outputs.shape[1]
    if size < 2:
        return None
    outputs = outputs.movedim(1, -1).reshape(-1, size)
    if truth.is_floating_point():  # probabilities of classes
        truth = truth.movedim(1, -1).reshape(-1, size).argmax(dim=1)
    truth = truth.reshape(-1).clone()
    scores = to_scores(outputs.float()) if size <= MAX_CLASSES else outputs.argmax(dim=1)
    return Reading(CLASSES, truth, scores, given["ignore_index"])


def _read_binary(given: Mapping[str, Any]) -> Reading | None:
    return _labels(given, torch.clone)


def _read_binary_logits(given: Mapping[str, Any]) -> Reading | None:
    return _labels(given, torch.sigmoid)


def _labels(given: Mapping[str, Any], to_scores: Callable[[torch.Tensor], torch.Tensor]) -> Reading | None:
    outputs, truth = given["input"].detach(), given["target"].detach()
    if outputs.shape != truth.shape:
        return None
    if outputs.dim() == 2 and 1 < outputs.shape[1] <= MAX_OUTPUTS:
        return Reading(LABELS, truth.float(), to_scores(outputs.float()))
    return Reading(BINARY, truth.reshape(-1).float().clone(), to_scores(outputs.float()).reshape(-1))


def _read_regression(given: Mapping[str, Any]) -> Reading | None:
    outputs, truth = given["input"].detach(), given["target"].detach()
    if outputs.shape != truth.shape or outputs.dim() not in (0, 1, 2):
        return None
    if outputs.dim() == 2 and outputs.shape[1] > MAX_OUTPUTS:
        return None
    if outputs.dim() == 0:
        outputs, truth = outputs.reshape(1), truth.reshape(1)
    return Reading(REGRESSION, truth.float().clone(), outputs.float().clone())


READERS: Mapping[str, Callable[[Mapping[str, Any]], Reading | None]] = {
    "cross_entropy": _read_cross_entropy,
    "nll_loss": _read_nll,
    "binary_cross_entropy": _read_binary,
    "binary_cross_entropy_with_logits": _read_binary_logits,
    "mse_loss": _read_regression,
    "l1_loss": _read_regression,
    "smooth_l1_loss": _read_regression,
    "huber_loss": _read_regression,
}
"""Loss function of `torch.nn.functional` -> what reads its arguments."""
