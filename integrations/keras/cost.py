"""What a forward pass costs: counted, so that small models are evaluated whatever a busy machine has measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import keras

CHEAP = 1e8
"""Multiplications that any machine does in some ten milliseconds."""


def is_cheap(model: Any, rows: int) -> bool:
    """Say whether a forward pass for so many rows is cheap."""
    return work_per_row(model) * rows <= CHEAP


def work_per_row(model: Any) -> float:
    """Return how often a pass for one row multiplies, infinity where shapes are not known.

    Each weight of a layer is used once at every position of its input or output: once for a dense layer, once a pixel
    for a convolution, once a step for a recurrent layer.
    """
    try:
        return sum(
            work_per_row(layer) if isinstance(layer, keras.Model) else _work_of(layer)
            for layer in getattr(model, "layers", ())
        )
    except AttributeError:  # a layer that was never called on symbols
        return math.inf


def _work_of(layer: Any) -> float:
    weights = sum(math.prod(weight.shape) for weight in layer.weights)
    sides = [keras.tree.flatten(side) for side in (layer.input, layer.output)]
    return weights * max(_positions(tensor.shape) for side in sides for tensor in side) if weights else 0.0


def _positions(shape: Iterable[Any]) -> float:
    inner = tuple(shape)[1:-1]
    return math.inf if None in inner else math.prod(inner)
