"""Some rows of whatever container the user's data are in."""

from __future__ import annotations

from typing import Any


def take_rows(data: Any, rows: Any) -> Any:
    """Return rows of an array, frame, table, sparse matrix or list.

    Args:
        data: The data, or None.
        rows: Positions, or None for all rows.
    """
    if data is None or rows is None:
        return data
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    if isinstance(data, (list, tuple)):
        return [data[at] for at in rows]
    if hasattr(data, "column_names") or hasattr(data, "chunks"):  # pyarrow
        return data.take(rows)
    if hasattr(data, "tocsr"):
        return data.tocsr()[rows]
    return data[rows]
