"""Infer a model's signature: names and types of what goes in and comes out, in the words of the MLmodel format.

Only names and dtypes are read, plus a few values of columns whose dtype says nothing (`object`). Nothing is copied and
the model is not called, so it may run on the training thread.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from autotrack.errors import UnsupportedValueError

# How many values are looked at where the dtype does not tell the type.
_PEEK = 50
_ANY = "any"

_TYPES_BY_SIZE = {
    ("b", 1): "boolean",
    **{("i", size): "integer" for size in (1, 2, 4)},
    **{("u", size): "integer" for size in (1, 2)},
    **dict.fromkeys((("i", 8), ("u", 4)), "long"),
    **dict.fromkeys((("f", 2), ("f", 4)), "float"),
    ("f", 8): "double",
}
_TYPES_BY_KIND = {"M": "datetime", "U": "string", "S": "binary", "T": "string"}

# The first word of polars' and Arrow's own dtype names, in lower case.
_TYPES_BY_NAME = {
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("int8", "int16", "int32", "uint8", "uint16"), "integer"),
    **dict.fromkeys(("int64", "uint32"), "long"),
    **dict.fromkeys(("halffloat", "float", "float16", "float32"), "float"),
    **dict.fromkeys(("double", "float64"), "double"),
    **dict.fromkeys(("string", "large_string", "string_view", "utf8", "categorical", "enum", "dictionary"), "string"),
    **dict.fromkeys(("binary", "large_binary"), "binary"),
    **dict.fromkeys(("date", "date32", "date64", "datetime", "timestamp"), "datetime"),
}


def infer_signature(inputs: Any, outputs: Any = None, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Infer a signature as MLmodel stores it.

    Args:
        inputs: What the model is fed: a pandas, polars or Arrow table, a pandas Series, a NumPy array, a SciPy sparse
            matrix, or a list. Tables give one entry for each column, arrays a shape with a free first axis.
        outputs: What it returns, or the targets it was fitted to; the same kinds.
        params: Defaults of inference parameters.

    Returns:
        `inputs`, `outputs` and `params`, each a JSON text or None.

    Raises:
        UnsupportedValueError: The data are of none of these kinds.

    Example:
        >>> import numpy
        >>> infer_signature(numpy.zeros((8, 3)))["inputs"]
        '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}]'
    """
    return {
        "inputs": json.dumps(infer_schema(inputs)),
        "outputs": None if outputs is None else json.dumps(infer_schema(outputs)),
        "params": None if params is None else json.dumps([_param(name, value) for name, value in params.items()]),
    }


def signature_of_numbers(names: Sequence[str] | None, n_columns: int, outputs: Any = None) -> dict[str, Any]:
    """Return the signature of a model that takes a table of numbers, where the data themselves cannot be read.

    Args:
        names: Names of the columns, or None for an array of float32.
        n_columns: Number of columns.
        outputs: What the model returns.

    Raises:
        UnsupportedValueError: The outputs are of no known kind.
    """
    columns = [_column(name, "double") for name in names or ()]
    return {
        "inputs": json.dumps(columns or [_tensor("float32", (-1, n_columns))]),
        "outputs": None if outputs is None else json.dumps(infer_schema(outputs)),
        "params": None,
    }


def infer_schema(data: Any) -> list[dict[str, Any]]:
    """Infer one entry for each column of a table, or one for an array.

    Args:
        data: As `infer_signature` takes it.

    Raises:
        UnsupportedValueError: The data are of no known kind.
    """
    kind = data_kind(data)
    if kind == "pandas":
        return _pandas_columns(data)
    if kind == "polars":
        return [_column(name, _type_by_name(str(dtype))) for name, dtype in data.schema.items()]
    if kind == "arrow":
        return [_column(field.name, _type_by_name(str(field.type))) for field in data.schema]
    if kind == "series":
        return [_column(data.name, _pandas_type(data.dtype, data.iloc[:_PEEK]))]
    if kind == "sparse" or (kind == "array" and data.ndim > 0):
        return [_tensor(_tensor_dtype(data.dtype), data.shape)]
    if kind == "list":
        return _list_schema(data)
    raise UnsupportedValueError(f"no signature can be inferred from {type(data).__module__}.{type(data).__qualname__}")


def data_kind(data: Any) -> str | None:
    """Return which kind of data this is, or None if unknown, without importing any library.

    Returns:
        "pandas", "polars", "arrow" (tables), "series" (pandas), "array" (NumPy), "sparse" (SciPy) or "list".
    """
    for module, name, kind in (
        ("numpy", "ndarray", "array"),
        ("pandas", "DataFrame", "pandas"),
        ("pandas", "Series", "series"),
        ("polars", "DataFrame", "polars"),
        ("pyarrow", "Table", "arrow"),
    ):
        library = sys.modules.get(module)
        if library is not None and isinstance(data, getattr(library, name)):
            return kind
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and sparse.issparse(data):
        return "sparse"
    return "list" if isinstance(data, list) and data else None


def _pandas_columns(frame: Any) -> list[dict[str, Any]]:
    dtypes = list(frame.dtypes)
    known = {dtype: _pandas_type(dtype, ()) for dtype in set(dtypes) if dtype.kind != "O"}
    positions = [position for position, dtype in enumerate(dtypes) if dtype not in known]
    # One slice for all columns that must be looked into: pandas takes longer to slice than we to look.
    heads = frame.iloc[:_PEEK, positions].to_numpy(dtype=object).T if positions else ()
    peeked = {at: _pandas_type(dtypes[at], head) for at, head in zip(positions, heads, strict=True)}
    return [_column(name, peeked.get(at) or known[dtypes[at]]) for at, name in enumerate(frame.columns)]


def _pandas_type(dtype: Any, values: Iterable[Any]) -> str:
    if dtype.name == "category":
        return _pandas_type(dtype.categories.dtype, dtype.categories[:_PEEK])
    if dtype.kind != "O":
        return _TYPES_BY_KIND.get(dtype.kind) or _TYPES_BY_SIZE.get((dtype.kind, dtype.itemsize), _ANY)
    if dtype.name.startswith("str"):  # pandas' own string dtypes, whatever holds the characters
        return "string"
    return _type_of_values(values)


def _type_by_name(dtype: str) -> str:
    """Read "Datetime(time_unit='us')", "timestamp[us]", "dictionary<values=int64, ...>" and plain words."""
    word, _, detail = dtype.lower().replace("[", "(").replace("<", "(").partition("(")
    if word == "dictionary":
        return _type_by_name(detail.removeprefix("values=").partition(",")[0])
    return _TYPES_BY_NAME.get(word, _ANY)


def _type_of_values(values: Iterable[Any]) -> str:
    """Return the type that all values share, missing ones aside, or "any"."""
    types = {_type_of_value(value) for value in islice(values, _PEEK) if not _is_missing(value)}
    return types.pop() if len(types) == 1 else _ANY


def _is_missing(value: Any) -> bool:
    """Tell None, NaN, NaT and pandas.NA, without comparing: an element may be an array, and NA has no truth."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or type(value).__name__ in {"NAType", "NaTType"}


def _type_of_value(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    if dtype is not None and getattr(value, "ndim", None) == 0:  # a NumPy scalar
        return _pandas_type(dtype, ())
    for types, name in (
        (str, "string"),
        (bool, "boolean"),
        (int, "long"),
        (float, "double"),
        ((bytes, bytearray), "binary"),
        (dt.date, "datetime"),
    ):
        if isinstance(value, types):
            return name
    return _ANY


def _list_schema(data: list[Any]) -> list[dict[str, Any]]:
    """Describe rows of values as an array, which estimators make of them, and plain values as one unnamed column."""
    row = data[0]
    if not isinstance(row, (list, tuple)):
        return [_column(None, _type_of_values(data))]
    dtype = {"boolean": "bool", "long": "int64", "string": "str"}.get(_type_of_values(row), "float64")
    numbers = all(isinstance(value, (str, int, float)) for value in row)
    return [_tensor(dtype if numbers else "object", (len(data), len(row)))]


def _column(name: Any, type_name: str) -> dict[str, Any]:
    column = {"type": type_name, "name": name, "required": True}
    if name is None:
        del column["name"]
    elif not isinstance(name, str):
        column["name"] = name.item() if hasattr(name, "item") else name if isinstance(name, int) else str(name)
    return column


def _tensor(dtype: str, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1, *shape[1:]]}}


def _tensor_dtype(dtype: Any) -> str:
    """Return the dtype's name, without the length of fixed-size strings."""
    names: dict[str, str] = {"U": "str", "S": "bytes"}
    return names.get(dtype.kind) or str(dtype.name)


def _param(name: str, value: Any) -> dict[str, Any]:
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    type_name = _type_of_values(values)
    if type_name == _ANY:
        raise UnsupportedValueError(f"inference parameter {name!r}: {value!r} has no type that MLmodel knows")
    default = [item.isoformat() if isinstance(item, dt.date) else item for item in values]
    is_list = isinstance(value, (list, tuple))
    return {
        "name": name,
        "default": default if is_list else default[0],
        "shape": [-1] if is_list else None,
        "type": type_name,
    }
