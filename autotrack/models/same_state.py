"""Compare two objects by what they are made of: the proof that a file format restored a model exactly.

Bytes of pickles do not serve: they differ with shared references and with the padding inside structured arrays. So
both objects are taken apart the way pickle would (`__reduce_ex__`), and the parts compared, floats and arrays by bit.
"""

from __future__ import annotations

import math
import struct
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

_BY_IDENTITY = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)
_BY_VALUE = (str, bytes, bytearray, int, bool, type(None), type(Ellipsis), slice, range)


def same_state(first: Any, second: Any) -> bool:
    """Say whether two objects have the same types, attributes and values all the way down.

    Functions and classes must be the same object; NaN equals NaN of the same bits; the order of dicts counts.

    Example:
        >>> same_state({"a": [1.0, float("nan")]}, {"a": [1.0, float("nan")]})
        True
        >>> same_state(1, 1.0)
        False
    """
    return _same(first, second, {})


Seen = dict[tuple[int, int], tuple[Any, Any]]
"""Pairs that are being or have been compared, by their ids; the objects are held, so that no id is used again."""


def _same(first: Any, second: Any, seen: Seen) -> bool:
    if type(first) is not type(second):
        return False
    if first is second or (id(first), id(second)) in seen:
        return True
    if isinstance(first, _BY_IDENTITY):
        return False
    if isinstance(first, _BY_VALUE):
        return bool(first == second)
    if isinstance(first, float):
        return struct.pack("d", first) == struct.pack("d", second)
    seen[id(first), id(second)] = (first, second)  # a cycle ends where it closes
    # scikit-learn's Bunch is a dict whose pickles, by intent, leave its attributes out.
    bunch = isinstance(first, dict) and type(first).__name__ == "Bunch"
    compare = _COMPARISONS.get(type(first), _same_dict if bunch else _same_parts)
    return compare(first, second, seen)


def _same_array(first: Any, second: Any, seen: Seen) -> bool:
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    if first.dtype.hasobject:
        return _all_same(first.ravel().tolist(), second.ravel().tolist(), seen)
    if first.dtype.names:  # between the fields lie bytes that nobody has set
        return all(_same_array(first[name], second[name], seen) for name in first.dtype.names)
    return bool(first.tobytes() == second.tobytes())


def _same_masked(first: Any, second: Any, seen: Seen) -> bool:
    """Compare masked arrays; the value that fills them appears only when it is asked for."""
    parts = [(array.data, array.mask, array.fill_value) for array in (first, second)]
    return _same(parts[0], parts[1], seen)


def _same_dict(first: Any, second: Any, seen: Seen) -> bool:
    return _all_same(first, second, seen) and _all_same(first.values(), second.values(), seen)


def _same_set(first: Any, second: Any, seen: Seen) -> bool:  # noqa: ARG001 - all comparisons are called alike
    return bool(first == second)


def _same_stream(first: Any, second: Any, seen: Seen) -> bool:
    """Compare where random streams stand; what they were seeded from does not matter to their numbers."""
    return _same(first.get_state(legacy=False), second.get_state(legacy=False), seen)


def _all_same(first: Iterable[Any], second: Iterable[Any], seen: Seen) -> bool:
    ours, theirs = list(first), list(second)
    return len(ours) == len(theirs) and all(_same(a, b, seen) for a, b in zip(ours, theirs, strict=True))


def _same_parts(first: Any, second: Any, seen: Seen) -> bool:
    if isinstance(first, complex):
        return first == second or (math.isnan(abs(first)) and math.isnan(abs(second)))
    ours, theirs = first.__reduce_ex__(5), second.__reduce_ex__(5)
    if isinstance(ours, str):  # a global name
        return bool(ours == theirs)
    # Items of lists and dicts come as iterators.
    parts = [[list(part) if hasattr(part, "__next__") else part for part in reduced] for reduced in (ours, theirs)]
    return _same(parts[0], parts[1], seen)


_COMPARISONS: dict[type, Callable[[Any, Any, Seen], bool]] = {
    np.ndarray: _same_array,
    np.ma.MaskedArray: _same_masked,
    list: _all_same,
    tuple: _all_same,
    dict: _same_dict,
    set: _same_set,
    frozenset: _same_set,
    np.random.RandomState: _same_stream,
}
