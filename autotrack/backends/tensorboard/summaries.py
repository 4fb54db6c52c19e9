"""Points, curves, histograms and pictures as TensorBoard's summaries."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from tensorboard.compat.proto.histogram_pb2 import HistogramProto
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.pr_curve import metadata as pr_curve
from tensorboard.util.tensor_util import make_tensor_proto

from autotrack.backends.tensorboard.events import Value
from autotrack.evaluation.report import Curve, Evaluation, FloatArray, Residuals

THRESHOLDS = 201
"""Evenly from 0 to 1, as TensorBoard's page expects them."""


def scalar(tag: str, value: float) -> Value:
    """Return one number; TensorBoard keeps 32 bits of it."""
    with np.errstate(over="ignore"):
        return Summary.Value(tag=tag, simple_value=float(np.float32(value)))


def image(tag: str, png: bytes) -> Value:
    """Return a PNG file."""
    width, height = struct.unpack(">II", png[16:24]) if png[12:16] == b"IHDR" else (0, 0)
    return Summary.Value(
        tag=tag, image=Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)
    )


def histograms(evaluation: Evaluation) -> Iterator[Value]:
    """Yield the residuals of a regression."""
    for residuals in evaluation.residuals:
        yield Summary.Value(tag=f"{evaluation.split}/residuals/{residuals.name}", histo=_histogram(residuals))


def _histogram(residuals: Residuals) -> HistogramProto:
    """Return the bins; sums are those of the bins' middles, since the residuals themselves are not kept."""
    counts, edges = residuals.counts, residuals.edges
    middles = (edges[:-1] + edges[1:]) / 2
    return HistogramProto(
        min=edges[0],
        max=edges[-1],
        num=counts.sum(),
        sum=(counts * middles).sum(),
        sum_squares=(counts * middles**2).sum(),
        bucket_limit=[edges[0], *edges[1:]],
        bucket=[0.0, *counts],
    )


def pr_curves(evaluation: Evaluation) -> Iterator[Value]:
    """Yield the precision-recall curve of each class whose scores are probabilities, which TensorBoard assumes."""
    if evaluation.per_class is None:
        return
    support = dict(zip(evaluation.labels, evaluation.per_class.support.tolist(), strict=True))
    metadata = pr_curve.create_summary_metadata("", "", THRESHOLDS)
    for curve in evaluation.curves:
        if curve.kind == "roc" and curve.name in support and _are_probabilities(curve.thresholds):
            table = _counts(curve, support[curve.name], sum(support.values()) - support[curve.name])
            tag = f"{evaluation.split}/{curve.name}"
            yield Summary.Value(tag=tag, metadata=metadata, tensor=make_tensor_proto(table.astype(np.float32)))


def _are_probabilities(thresholds: FloatArray) -> bool:
    known = thresholds[np.isfinite(thresholds)]
    return bool(len(known) and known.min() >= 0 and known.max() <= 1)


def _counts(roc: Curve, positives: float, negatives: float) -> FloatArray:
    """Return true and false positives, true and false negatives, precision and recall at each threshold.

    The ROC curve gives them: y is the share of the positives that score at least a threshold, x that of the negatives.
    Precision of nothing is 1, as in scikit-learn.
    """
    wanted = np.linspace(0, 1, THRESHOLDS)
    at = np.searchsorted(-roc.thresholds, -wanted, side="right") - 1
    true, false = roc.y[at] * positives, roc.x[at] * negatives
    selected = true + false
    precision = np.divide(true, selected, out=np.ones_like(selected), where=selected > 0)
    return np.stack([true, false, negatives - false, positives - true, precision, roc.y[at].astype(float)])
