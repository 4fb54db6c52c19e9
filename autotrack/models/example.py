"""Keep the first rows of a model's input beside it, so that people and servers see what a request looks like.

Rows of data leave the program this way, so it happens only on demand.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import msgspec

from autotrack.errors import UnsupportedValueError
from autotrack.models.signature import data_kind

EXAMPLE_FILE = "input_example.json"
SERVING_FILE = "serving_input_example.json"


class Example(msgspec.Struct, frozen=True):
    """The first rows, as texts that no later change of the user's data can touch.

    Attributes:
        info: What MLmodel lists under `saved_input_example_info`.
        content: JSON of `input_example.json`.
        request: JSON of `serving_input_example.json`: the body of a scoring request.
    """

    info: dict[str, str]
    content: str
    request: str


def take_example(data: Any, rows: int = 5) -> Example:
    """Copy the first rows of a table, array, sparse matrix or list.

    Args:
        data: What `infer_signature` takes as inputs.
        rows: How many rows.

    Raises:
        UnsupportedValueError: The data are of no known kind, or hold values that JSON cannot express.
    """
    kind = data_kind(data)
    if kind in ("pandas", "polars", "arrow"):
        names, records = _table_rows(kind, data, rows)
        content: Any = {"columns": names, "data": records}
        return _example({"type": "dataframe", "pandas_orient": "split"}, content, {"dataframe_split": content})
    if kind == "sparse":
        head = data.tocsr()[:rows]
        content = {part: getattr(head, part).tolist() for part in ("data", "indices", "indptr")}
        content["shape"] = list(head.shape)
        return _example({"type": "sparse_matrix_csr"}, content, {"inputs": head.toarray().tolist()})
    if kind in ("array", "series"):
        head = data[:rows].tolist()
        return _example({"type": "ndarray"}, head, {"inputs": head})
    if kind == "list":
        return _example({"type": "json_object"}, data[:rows], {"inputs": data[:rows]})
    raise UnsupportedValueError(f"no example can be taken from {type(data).__module__}.{type(data).__qualname__}")


def write_example(directory: Path, example: Example) -> None:
    """Write both files into a model folder."""
    (directory / EXAMPLE_FILE).write_text(example.content, encoding="utf-8")
    (directory / SERVING_FILE).write_text(example.request, encoding="utf-8")


def save_input_example(directory: Path, data: Any, rows: int = 5) -> Example:
    """Take the first rows and write them into a model folder.

    Args:
        directory: An existing folder.
        data: What `infer_signature` takes as inputs.
        rows: How many rows.

    Returns:
        The example; `write_mlmodel` wants its `info`.
    """
    example = take_example(data, rows)
    write_example(directory, example)
    return example


def _table_rows(kind: str, table: Any, rows: int) -> tuple[list[Any], list[list[Any]]]:
    """Return the columns' names and the first rows as Python values."""
    if kind == "pandas":
        head = table.head(rows)
        columns = [head.iloc[:, position].tolist() for position in range(head.shape[1])]
        names = head.columns.tolist()
    elif kind == "polars":
        head = table.head(rows)
        columns = [head[name].to_list() for name in head.columns]
        names = list(head.columns)
    else:
        head = table.slice(0, rows)
        columns = [column.to_pylist() for column in head.columns]
        names = list(head.column_names)
    return names, [list(row) for row in zip(*columns, strict=True)]


def _example(info: dict[str, str], content: Any, request: Any) -> Example:
    try:
        return Example(
            info={"artifact_path": EXAMPLE_FILE, "serving_input_path": SERVING_FILE, **info},
            content=json.dumps(_without_nan(content), default=_jsonable),
            request=json.dumps(_without_nan(request), default=_jsonable, indent=2),
        )
    except TypeError as error:
        raise UnsupportedValueError(f"the input cannot be kept as an example: {error}") from error


def _without_nan(value: Any) -> Any:
    """Replace NaN, for which JSON has no word, by null."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _jsonable(value: Any) -> Any:
    """Write bytes as base64 and moments in ISO format, as MLflow reads them; a missing moment becomes null."""
    if type(value).__name__ in {"NAType", "NaTType"}:  # pandas; NaT would pass for a datetime
        return None
    if isinstance(value, (bytes, bytearray)):
        return base64.encodebytes(value).decode("ascii")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    raise TypeError(f"{type(value).__module__}.{type(value).__qualname__} has no JSON form")
