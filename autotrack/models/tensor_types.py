"""Bring arrays to the shape and type that a signature of tensors names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autotrack.errors import SchemaError
from autotrack.models.signature import data_kind
from autotrack.models.tables import to_pandas


def enforce_tensors(data: Any, tensors: list[dict[str, Any]]) -> Any:
    """Return one array, or a dict of arrays, as a signature of tensors wants them.

    Args:
        data: An array, a sparse matrix, a table or rows; a dict of them where the signature names several.
        tensors: The inputs of the signature.

    Raises:
        SchemaError: A shape, or the type of values, does not fit; `column` is the name of the array.
    """
    if len(tensors) == 1 and (tensors[0].get("name") is None or not isinstance(data, Mapping)):
        return _enforce_tensor(data, None, tensors[0]["tensor-spec"])
    names = ", ".join(repr(entry["name"]) for entry in tensors)
    if not isinstance(data, Mapping):
        raise SchemaError(f"the model takes a dict of arrays: {names}")
    for entry in tensors:
        if entry["name"] not in data:
            raise SchemaError(f"array {entry['name']!r} is missing; the model takes {names}", entry["name"])
    return {
        entry["name"]: _enforce_tensor(data[entry["name"]], entry["name"], entry["tensor-spec"]) for entry in tensors
    }


def _enforce_tensor(data: Any, name: str | None, spec: dict[str, Any]) -> Any:
    if data_kind(data) == "sparse":
        _check_shape(data.shape, name, spec["shape"])
        return data
    try:
        array = np.asarray(to_pandas(data) if data_kind(data) in {"polars", "arrow"} else data)
    except ValueError as error:
        raise SchemaError(f"{_called(name)} has rows of different lengths ({error})", name) from error
    array = _cast_array(array, name, spec["dtype"])
    _check_shape(array.shape, name, spec["shape"])
    return array


def _cast_array(array: Any, name: str | None, wanted: str) -> Any:
    """Cast numbers where no value changes, and floats to any width."""
    if wanted in {"object", "str", "bytes"} or array.dtype.name == wanted:
        return array
    dtype = np.dtype(wanted)
    if array.dtype.kind == "O":
        array = _numbers(array, name, wanted)
    if array.dtype.kind not in "biuf" or (array.dtype.kind == "b") != (dtype.kind == "b"):
        raise SchemaError(f"{_called(name)} is an array of {wanted}, not of {array.dtype.name}", name)
    with np.errstate(over="ignore", invalid="ignore"):
        cast = array.astype(dtype)
        both_float = array.dtype.kind == dtype.kind == "f"
        kept = np.isfinite(array) <= np.isfinite(cast) if both_float else cast.astype(array.dtype) == array
    if not kept.all():
        shown = ", ".join(str(value) for value in array[~kept][:3])
        raise SchemaError(f"{_called(name)} is an array of {wanted}, which cannot hold {shown}", name)
    return cast


def _numbers(array: Any, name: str | None, wanted: str) -> Any:
    """Read an array of Python objects; None, which is JSON's missing number, becomes NaN."""
    try:
        return array.astype("float64")
    except (TypeError, ValueError) as error:
        raise SchemaError(f"{_called(name)} is an array of {wanted}: {error}", name) from error


def _check_shape(shape: tuple[int, ...], name: str | None, wanted: list[int]) -> None:
    if len(shape) != len(wanted):
        raise SchemaError(f"{_called(name)} has shape {shape}, the model takes {_shape(wanted)}", name)
    for axis, (size, known) in enumerate(zip(shape, wanted, strict=True)):
        if known not in (-1, size):
            takes = f"the model takes {known} (shape {_shape(wanted)})"
            raise SchemaError(f"{_called(name)} has {size} values along axis {axis}, {takes}", name)


def _shape(wanted: list[int]) -> str:
    return f"({', '.join('any' if size == -1 else str(size) for size in wanted)})"


def _called(name: str | None) -> str:
    return "the input" if name is None else f"array {name!r}"
