"""Bring one column of a table to the type that a signature names: nothing is lost on the way, or it is an error."""

from __future__ import annotations

import base64
import binascii
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from autotrack.errors import SchemaError
from autotrack.models.signature import infer_schema

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = {"integer": np.int32, "long": np.int64, "float": np.float32, "double": np.float64}
_SHOWN = 3


def cast_column(values: pd.Series, name: str | int | None, wanted: str) -> pd.Series:
    """Return a column as the type the signature names; one that is of this type already is returned as it is.

    Numbers may change their type where every value stays the same, and floats may be rounded to float32. Texts become
    datetimes where they are dates, and bytes where they are base64, because JSON and CSV know neither.

    Args:
        values: The column.
        name: What to call it in messages.
        wanted: A type of MLmodel: boolean, integer, long, float, double, string, binary, datetime. Any other
            (object, array, map, any) takes everything.

    Raises:
        SchemaError: It cannot become this type; the message names the column and shows values.
    """
    found = infer_schema(values)[0]["type"]
    as_objects = values.dtype.kind == "O" and wanted in _NUMBERS
    if (found == wanted and not as_objects) or wanted not in {*_NUMBERS, "boolean", "string", "binary", "datetime"}:
        return values
    if wanted in _NUMBERS:
        return _as_number(values, name, wanted, found)
    if wanted == "datetime" and found in {"string", "any"}:
        return _as_datetime(values, name)
    if wanted == "binary" and found == "string":
        return values.map(lambda value: _decode(value, name), na_action="ignore")
    if wanted == "boolean" and _all_bools(values):
        return values
    if wanted in {"string", "binary"} and len(values) == int(values.isna().sum()):
        return values.astype(object)  # nothing but missing values has any type
    raise _mismatch(values, name, wanted, found)


def _as_number(values: pd.Series, name: str | int | None, wanted: str, found: str) -> pd.Series:
    if found in {"string", "binary", "datetime", "boolean"} or not _is_numeric(values):
        raise _mismatch(values, name, wanted, found)
    dtype = _NUMBERS[wanted]
    missing = values.isna()
    whole = wanted in {"integer", "long"}
    if whole and missing.any():
        raise SchemaError(f"{_called(name)} is {wanted}, which has no missing values; {int(missing.sum())} are", name)
    numbers = _array_of(values, missing)
    with np.errstate(over="ignore", invalid="ignore"):
        cast = numbers.astype(dtype) if numbers.dtype.kind in "iuf" else np.zeros(len(numbers), dtype)
        changed = ~missing.to_numpy() & ~_equal(numbers, cast, rounded=wanted == "float")
    if changed.any():
        shown = ", ".join(str(value) for value in numbers[changed][:_SHOWN])
        raise SchemaError(f"{_called(name)} is {wanted}, which cannot hold {shown}", name)
    import pandas as pd

    return pd.Series(cast, index=values.index, name=values.name)


def _array_of(values: pd.Series, missing: pd.Series) -> Any:
    """Return numbers as an array, missing ones as NaN; Python's integers stay objects where no type holds all."""
    if values.dtype.kind in "iuf":
        return values.to_numpy(dtype="float64" if missing.any() else None, na_value=np.nan)
    listed = [math.nan if gone else value for value, gone in zip(values, missing, strict=True)]
    exact = np.asarray(listed)
    changed = (
        known != number and not gone for known, number, gone in zip(listed, exact.tolist(), missing, strict=True)
    )
    return np.asarray(listed, dtype=object) if any(changed) else exact


def _equal(numbers: Any, cast: Any, *, rounded: bool) -> Any:
    """Compare element by element; with `rounded`, it is enough that a finite number stays finite."""
    if numbers.dtype.kind not in "iuf":  # integers that no type holds
        return np.zeros(len(numbers), bool)
    if rounded and numbers.dtype.kind == "f":
        return np.isfinite(numbers) <= np.isfinite(cast)
    return (cast.astype(numbers.dtype) == numbers) & (np.sign(cast) == np.sign(numbers))


def _is_numeric(values: pd.Series) -> bool:
    if values.dtype.kind in "iuf":
        return True
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values.dropna())


def _all_bools(values: pd.Series) -> bool:
    return all(isinstance(value, (bool, np.bool_)) for value in values.dropna())


def _as_datetime(values: pd.Series, name: str | int | None) -> pd.Series:
    import pandas as pd

    try:
        return pd.to_datetime(values, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise SchemaError(f"{_called(name)} is datetime; a text must be an ISO 8601 date ({error})", name) from error


def _decode(value: Any, name: str | int | None) -> bytes:
    try:
        return base64.b64decode(value, validate=False)
    except (binascii.Error, ValueError, TypeError) as error:
        raise SchemaError(f"{_called(name)} is binary; a text must be base64 ({error})", name) from error


def _mismatch(values: pd.Series, name: str | int | None, wanted: str, found: str) -> SchemaError:
    shown = ", ".join(repr(value) for value in values.dropna().tolist()[:_SHOWN])
    kind = f"{found} " if found != "any" else ""
    return SchemaError(f"{_called(name)} is {wanted}, not {kind}values such as {shown}", name)


def _called(name: str | int | None) -> str:
    return "the input" if name is None else f"column {name!r}"
