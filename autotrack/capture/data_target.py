"""How often each class occurs in the target of a classification, counted in a sample of bounded size."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

_COUNTED_NUMBERS = 65_536
_COUNTED_OBJECTS = 8_192
_LISTED_CLASSES = 100
_CLASSES_AMONG_FLOATS = 20
_ROWS_PER_CLASS = 10
_NARROW = 4_096


def class_balance(values: Any) -> dict[str, Any]:
    """Count the labels of a target.

    Numbers count as labels where there are few of them: up to 100 different integers (or more, with ten rows for
    each), up to 20 different integral floats. Everything else numeric is a regression.

    Args:
        values: One-dimensional (or one column): numpy array, pandas or polars Series, list or tuple.

    Returns:
        `class_balance` (label to count, the 100 most frequent), `class_balance_rest` (rows with other labels, where
        there are any) and `class_balance_rows` (rows counted, where not all were); empty for a regression.
    """
    length = len(values)
    counts = _count(values)
    counted = sum(counts.values())
    if not counted:
        return {}
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    rest = sum(count for _, count in ordered[_LISTED_CLASSES:])
    return {
        "class_balance": {str(label): count for label, count in ordered[:_LISTED_CLASSES]},
        **({"class_balance_rest": rest} if rest else {}),
        **({"class_balance_rows": counted} if counted < length else {}),
    }


def _count(values: Any) -> dict[Any, int]:
    if hasattr(values, "to_numpy") and isinstance(values.dtype, np.dtype):
        values = values.to_numpy()  # a view
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return _count_numbers(_every(values, _COUNTED_NUMBERS))
    sample = _every(values, _COUNTED_OBJECTS)
    items = sample.tolist() if hasattr(sample, "tolist") else sample.to_list() if hasattr(sample, "to_list") else sample
    if all(type(item) in (bool, int, float) for item in items):
        return _count_numbers(np.asarray(items))
    if not all(isinstance(item, (str, int, float, bytes, type(None))) for item in items):
        return {}
    counts = Counter(items)
    return counts if _are_classes(len(counts), len(items)) else {}


def _every(values: Any, limit: int) -> Any:
    """Take every n-th value: a view of an array."""
    step = max(1, -(-len(values) // limit))
    return values.iloc[::step] if hasattr(values, "iloc") else values[::step]


def _count_numbers(values: np.ndarray[Any, Any]) -> dict[Any, int]:
    if not values.size or values.dtype.kind not in "biuf":
        return {}
    if values.dtype.kind == "f":
        if not np.array_equal(values, np.floor(values)):
            return {}
        labels, counts = np.unique(values, return_counts=True)
        return dict(zip(labels.tolist(), counts.tolist(), strict=True)) if len(labels) <= _CLASSES_AMONG_FLOATS else {}
    if values.dtype.kind == "b":
        true = int(np.count_nonzero(values))
        return {label: count for label, count in ((True, true), (False, values.size - true)) if count}
    lowest, highest = int(values.min()), int(values.max())
    if highest - lowest < _NARROW:
        frequencies = np.bincount(values.astype(np.int64) - lowest)
        present = np.flatnonzero(frequencies)
        result = dict(zip((present + lowest).tolist(), frequencies[present].tolist(), strict=True))
    else:
        labels, counts = np.unique(values, return_counts=True)
        result = dict(zip(labels.tolist(), counts.tolist(), strict=True))
    return result if _are_classes(len(result), values.size) else {}


def _are_classes(different: int, rows: int) -> bool:
    return different <= _LISTED_CLASSES or different * _ROWS_PER_CLASS <= rows
