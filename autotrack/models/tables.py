"""Turn what users pass as tables (of other libraries, dicts, records, rows) into pandas DataFrames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autotrack.errors import SchemaError
from autotrack.models.signature import data_kind

if TYPE_CHECKING:
    import pandas as pd


def to_pandas(data: Any, names: list[Any] | None = None) -> pd.DataFrame:
    """Return tabular data as a DataFrame; one that is a DataFrame already is returned as it is.

    Args:
        data: What `enforce_schema` takes.
        names: The columns of data that name none, such as an array's.

    Raises:
        SchemaError: It is no table, or has another number of columns.
    """
    import pandas as pd

    kind = data_kind(data)
    if kind == "pandas":
        return data
    if kind in {"polars", "arrow"}:
        return data.to_pandas()
    if kind == "series":
        return data.to_frame()
    if isinstance(data, Mapping):
        scalar = not any(isinstance(value, (list, tuple)) or hasattr(value, "__array__") for value in data.values())
        return pd.DataFrame([data]) if scalar else _frame(data)
    if is_records(data):
        return pd.DataFrame(data)
    if kind == "sparse":
        data = data.toarray()
    if kind in {"array", "list", "sparse"}:
        return _named_rows(data, names)
    raise SchemaError(f"the model takes a table, not {type(data).__module__}.{type(data).__qualname__}")


def _frame(columns: Mapping[Any, Any]) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.DataFrame(dict(columns))
    except ValueError as error:
        lengths = ", ".join(
            f"{name!r} has {len(values)}" for name, values in columns.items() if hasattr(values, "__len__")
        )
        raise SchemaError(f"the columns are of different lengths: {lengths}") from error


def _named_rows(rows: Any, names: list[Any] | None) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(rows)
    if names is None:
        return table
    if table.shape[1] != len(names):
        wanted = f"{len(names)}: {', '.join(map(str, names))}"
        raise SchemaError(f"the input has {table.shape[1]} columns without names, the model wants {wanted}")
    return table.set_axis(pd.Index(names), axis=1)


def is_records(data: Any) -> bool:
    """Say whether data are a list of mappings, one a row."""
    return isinstance(data, list) and bool(data) and all(isinstance(row, Mapping) for row in data)
