"""Class labels of any type become codes 0 to k - 1, and names to show.

Numbers are equal by value whatever their type (True, 1 and 1.0 are one class), text by content. The order of classes
is that of the labels given (a model's `classes_`), then the labels seen beyond them in sorted order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autotrack.errors import EvaluationError
from autotrack.evaluation.inputs import Array, as_array, is_missing

Codes = npt.NDArray[np.int64]

_TABLE_SLOTS = 65_536


class Encoded(NamedTuple):
    """Labels as codes.

    Attributes:
        classes: Python values, one per code.
        true: Codes of y_true, shape (n,).
        pred: Codes of y_pred, or None where there is none.
    """

    classes: list[Any]
    true: Codes
    pred: Codes | None


def encode(true: Array, pred: Array | None, labels: Array | None) -> Encoded:
    """Give true and predicted labels codes over the same classes.

    Args:
        true: Labels, shape (n,).
        pred: Labels, shape (n,), or None.
        labels: Known classes in their order, or None for those that occur, sorted.

    Raises:
        EvaluationError: If a label is missing (None, NaN), or true and predicted labels have nothing in common because
            one side holds numbers and the other text.
    """
    true = _signed(true)
    pred, labels = (None if array is None else _signed(array) for array in (pred, labels))
    present = [array for array in (labels, true, pred) if array is not None]
    if all(array.dtype.kind in "biuf" for array in present):
        return _encode_numbers(true, pred, labels)
    return _encode_objects(true, pred, labels)


def class_order(value: Any) -> Array | None:
    """The categories of an ordered pandas Categorical or Series of them, else None."""
    dtype = getattr(value, "dtype", None)
    categories = getattr(dtype, "categories", None)
    return as_array(categories, "categories") if getattr(dtype, "ordered", False) and categories is not None else None


def name_classes(classes: Sequence[Any], class_names: Mapping[Any, str] | Iterable[str] | None) -> tuple[str, ...]:
    """Names to show for classes.

    Args:
        classes: Python values.
        class_names: One name for each class in order, or a mapping from label to name; None: the labels as text.

    Raises:
        EvaluationError: If there are fewer names than classes.
    """
    if class_names is None:
        return tuple(map(_text, classes))
    if isinstance(class_names, Mapping):
        return tuple(str(class_names.get(label, _text(label))) for label in classes)
    names = [str(name) for name in class_names]
    if len(names) < len(classes):
        raise EvaluationError(f"class_names has {len(names)} names for {len(classes)} classes")
    return tuple(names[: len(classes)])


def _signed(array: Array) -> Array:
    """Unsigned numbers of 64 bits become signed ones, or objects where they are too large: numpy would round them."""
    if array.dtype != np.uint64:
        return array
    fits = not array.size or int(array.max()) <= np.iinfo(np.int64).max
    return array.astype(np.int64 if fits else object)


def _text(label: Any) -> str:
    return label.decode("utf-8", "backslashreplace") if isinstance(label, bytes) else str(label)


def _encode_numbers(true: Array, pred: Array | None, labels: Array | None) -> Encoded:
    seen = [true] if pred is None else [true, pred]
    for name, array in zip(("y_true", "y_pred"), seen, strict=False):
        if array.dtype.kind == "f" and np.isnan(array).any():
            _refuse_missing(name, np.isnan(array))
    known = np.empty(0, dtype=true.dtype) if labels is None else labels
    if all(array.dtype.kind in "biu" for array in (*seen, known)):
        low, high = _bounds((*seen, known))
        if high - low < max(_TABLE_SLOTS, 4 * true.size):
            return _encode_by_table(seen, known, low, high)
    return _encode_by_search(seen, known)


def _bounds(arrays: Iterable[Array]) -> tuple[int, int]:
    filled = [array for array in arrays if array.size]
    if not filled:
        return 0, -1
    return min(int(array.min()) for array in filled), max(int(array.max()) for array in filled)


def _encode_by_table(seen: list[Array], known: Array, low: int, high: int) -> Encoded:
    """Integers from a narrow range: one look-up per label."""
    offsets = [array if low == 0 and array.dtype == np.int64 else array.astype(np.int64) - low for array in seen]
    occurs = np.zeros(high - low + 1, dtype=bool)
    for offset in offsets:
        occurs[offset] = True
    places = known.astype(np.int64) - low
    occurs[places] = False
    order = np.concatenate([places, np.flatnonzero(occurs)])
    table = np.empty(high - low + 1, dtype=np.int64)
    table[order] = np.arange(order.size)
    classes = (order + low).tolist()
    if (known if known.size else seen[0]).dtype.kind == "b":
        classes = [bool(label) if label in (0, 1) else label for label in classes]
    return _encoded(classes, [table[offset] for offset in offsets])


def _encode_by_search(seen: list[Array], known: Array) -> Encoded:
    """Any numbers: binary search in the sorted classes."""
    found = np.unique(np.concatenate([known, *seen]))
    rank_of_known = np.searchsorted(found, known)
    order = np.concatenate([rank_of_known, np.setdiff1d(np.arange(found.size), rank_of_known)])
    code_of_rank = np.empty(found.size, dtype=np.int64)
    code_of_rank[order] = np.arange(order.size)
    return _encoded(found[order].tolist(), [code_of_rank[np.searchsorted(found, array)] for array in seen])


def _encode_objects(true: Array, pred: Array | None, labels: Array | None) -> Encoded:
    """Text and other objects: one dictionary look-up per label, faster than sorting strings."""
    columns = {"y_true": true.tolist()} if pred is None else {"y_true": true.tolist(), "y_pred": pred.tolist()}
    classes = [] if labels is None else labels.tolist()
    known = set(classes)
    unseen: set[Any] = set()
    for name, column in columns.items():
        fresh = _distinct(column, name) - known
        if any(map(is_missing, fresh)):
            _refuse_missing(name, np.array([is_missing(item) for item in column], dtype=bool))
        unseen |= fresh
        _check_family(name, column, classes or columns["y_true"])
    classes += _in_order(unseen)
    codes = {label: code for code, label in enumerate(classes)}
    return _encoded(
        classes, [np.fromiter(map(codes.__getitem__, column), np.int64, len(column)) for column in columns.values()]
    )


def _distinct(column: list[Any], name: str) -> set[Any]:
    try:
        return set(column)
    except TypeError as error:
        raise EvaluationError(f"{name} holds labels that cannot be told apart: {error}") from error


def _in_order(labels: set[Any]) -> list[Any]:
    try:
        return sorted(labels)
    except TypeError:  # labels of several types
        return sorted(labels, key=lambda label: (type(label).__name__, str(label)))


def _check_family(name: str, column: list[Any], reference: list[Any]) -> None:
    if column and reference and type(column[0]) is not type(reference[0]):
        families = [_family(column[0]), _family(reference[0])]
        if families[0] != families[1]:
            raise EvaluationError(
                f"{name} holds {families[0]} ({column[0]!r}) where the classes are {families[1]} ({reference[0]!r}); "
                "give all labels in one form, and their names as class_names"
            )


def _family(label: Any) -> str:
    if isinstance(label, (str, bytes)):
        return type(label).__name__
    return "numbers" if isinstance(label, (bool, int, float)) else "objects"


def _encoded(classes: list[Any], codes: list[Codes]) -> Encoded:
    return Encoded(classes, codes[0], codes[1] if len(codes) > 1 else None)


def _refuse_missing(name: str, missing: npt.NDArray[np.bool_]) -> None:
    first = int(np.argmax(missing))
    raise EvaluationError(f"{name} has {int(missing.sum())} missing labels, the first in row {first}")
