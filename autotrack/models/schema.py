"""Check a model's input against its signature and bring it into the form that the model was fitted with.

A signature describes either columns (the model is fed a pandas DataFrame), or arrays: one, or several by name.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autotrack.errors import SchemaError
from autotrack.models.column_types import cast_column
from autotrack.models.signature import data_kind
from autotrack.models.tables import is_records, to_pandas
from autotrack.models.tensor_types import enforce_tensors

if TYPE_CHECKING:
    import pandas as pd

Schema = list[dict[str, Any]]

_EXACT = {"boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64"}
"""The dtype of a column that is of its type without doubt."""


def enforce_schema(data: Any, schema: Schema | None) -> Any:
    """Return the input as the model wants it.

    Columns may come in any order; those that the model does not know are left out. A value may change its type only
    where nothing is lost (see `column_types`); the user's own data are never changed.

    Args:
        data: A pandas, polars or Arrow table, a NumPy array, a sparse matrix, a dict of columns or of named arrays, one
            record, or a list of records, rows or values.
        schema: The inputs of a signature; None if the model has none, then tables become pandas and the rest stays.

    Returns:
        A DataFrame, an array, or a dict of arrays.

    Raises:
        SchemaError: The input does not fit; `column` says which part of it.

    Example:
        >>> enforce_schema([[1, 2]], [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}])
        array([[1., 2.]], dtype=float32)
    """
    if schema is None:
        return _without_schema(data)
    tensors = [entry for entry in schema if entry["type"] == "tensor"]
    if tensors:
        return enforce_tensors(data, tensors)
    if len(schema) == 1 and "name" not in schema[0]:
        return _enforce_values(data, schema[0])
    if any("name" not in entry for entry in schema):
        return _enforce_table(data, [{"name": at, **entry} for at, entry in enumerate(schema)])
    return _enforce_table(data, schema)


def _without_schema(data: Any) -> Any:
    if data_kind(data) in {"polars", "arrow"} or isinstance(data, Mapping) or is_records(data):
        return to_pandas(data)
    return data


def _enforce_table(data: Any, schema: Schema) -> pd.DataFrame:
    import pandas as pd

    table = to_pandas(data, [entry["name"] for entry in schema])
    if _is_exact(table, schema):
        return table.copy(deep=False)
    present = []
    for entry in schema:
        if entry["name"] in table.columns:
            present.append(entry)
        elif entry.get("required", True):
            raise SchemaError(_missing(entry, table), entry["name"])
    repeated = table.columns[table.columns.duplicated()]
    for entry in present:
        if entry["name"] in repeated:
            raise SchemaError(f"column {entry['name']!r} stands in the input more than once", entry["name"])
    columns = {entry["name"]: cast_column(table[entry["name"]], entry["name"], entry["type"]) for entry in present}
    # The columns' own index keeps its type: a mapping of names makes a new one, of the type that pandas prefers.
    result = pd.DataFrame(columns, index=table.index, copy=False)
    return result if columns else table[[]]


def _is_exact(table: pd.DataFrame, schema: Schema) -> bool:
    """Say whether a table has the columns of a schema already: looking at 30 of them one by one takes a millisecond."""
    if table.columns.tolist() != [entry["name"] for entry in schema]:
        return False
    return all(_EXACT.get(entry["type"]) == dtype.name for entry, dtype in zip(schema, table.dtypes, strict=True))


def _missing(entry: dict[str, Any], table: Any) -> str:
    name = entry["name"]
    near = difflib.get_close_matches(str(name), [str(column) for column in table.columns], 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    has = ", ".join(repr(column) for column in table.columns[:10]) or "none"
    more = f" and {len(table.columns) - 10} more" if len(table.columns) > 10 else ""
    return f"column {name!r} ({entry['type']}) is missing; the input has {has}{more}{hint}"


def _enforce_values(data: Any, entry: dict[str, Any]) -> Any:
    """Check a single column without a name: documents, say."""
    import pandas as pd

    kind = data_kind(data)
    if kind == "pandas":
        if data.shape[1] != 1:
            raise SchemaError(f"the model takes one column, the input has {data.shape[1]}")
        return cast_column(data.iloc[:, 0], None, entry["type"])
    values = cast_column(data if kind == "series" else pd.Series(data), None, entry["type"])
    return values if kind == "series" else values.tolist() if kind == "list" else values.to_numpy()
