"""Fingerprints of tables: pandas, polars and pyarrow, one schema entry for each column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autotrack.capture.data_distribution import describe_table, describe_texts
from autotrack.capture.data_sampling import (
    SAMPLE_BYTES,
    SAMPLE_OBJECTS,
    Description,
    Hasher,
    hash_cells,
    hash_facts,
    positions,
    sample_sizes,
)

_CELL_BYTES = 8
_CELLS = SAMPLE_BYTES // _CELL_BYTES
_LISTED_COLUMNS = 1_000
_TYPE_LENGTH = 200
_BLOCK_ROWS = 8


def describe_pandas(data: Any, hasher: Hasher) -> Description:
    """Describe a pandas DataFrame or Series; the index does not count as data."""
    frame = data.to_frame() if data.ndim == 1 else data
    dtypes = list(frame.dtypes)
    types = {id(dtype): str(dtype)[:_TYPE_LENGTH] for dtype in {id(dtype): dtype for dtype in dtypes}.values()}
    uniform = len(types) == 1 and isinstance(dtypes[0], np.dtype) and dtypes[0].kind in "fiub"
    objects = sum(not isinstance(dtype, np.dtype) or dtype.hasobject for dtype in dtypes)
    rows, columns = sample_sizes(frame.shape, min(_CELLS, SAMPLE_OBJECTS * len(dtypes) // max(objects, 1)))
    sample = frame.iloc[positions(frame.shape[0], rows)]
    if columns < frame.shape[1]:
        sample = sample.iloc[:, positions(frame.shape[1], columns)]
    labels = [str(label) for label in sample.columns]
    hash_facts(hasher, data.shape, labels, sorted(set(types.values())))
    if uniform:
        values = sample.to_numpy()
        hasher.update(values.tobytes())
        missing = np.count_nonzero(values != values, axis=0).tolist()  # noqa: PLR0124  (true for NaN only)
        distributions = describe_table(labels, values)
    else:
        hashed = [_hash_pandas_column(sample.iloc[:, index], hasher) for index in range(columns)]
        missing = [count for count, _ in hashed]
        distributions = {name: found for name, (_, found) in zip(labels, hashed, strict=True) if found}
    size = len(frame) * sum(getattr(dtype, "itemsize", _CELL_BYTES) for dtype in dtypes)
    names = [str(label) for label in frame.columns[:_LISTED_COLUMNS]]
    profile = _profile(size, rows, dict(zip(labels, missing, strict=True)))
    profile |= {"distributions": distributions} if distributions else {}
    return _table(data.shape, names, [types[id(dtype)] for dtype in dtypes], profile)


def describe_polars(data: Any, hasher: Hasher) -> Description:
    """Describe a polars DataFrame or Series."""
    frame = data.to_frame() if len(data.shape) == 1 else data
    rows, columns = sample_sizes(frame.shape, SAMPLE_OBJECTS)
    series = [frame.to_series(index) for index in positions(frame.width, columns).tolist()]
    chosen = positions(frame.height, rows)
    hash_facts(hasher, data.shape, [(column.name, str(column.dtype)) for column in series])
    missing = {column.name: _hash_polars_column(column.gather(chosen), hasher) for column in series}
    profile = _profile(int(frame.estimated_size()), rows, missing)
    return _table(data.shape, frame.columns[:_LISTED_COLUMNS], _names_of(frame.dtypes), profile)


def describe_arrow(data: Any, hasher: Hasher) -> Description:
    """Describe a pyarrow Table or RecordBatch; rows are sampled in short blocks, which cost no copy of a column."""
    shape = (int(data.num_rows), int(data.num_columns))
    rows, columns = sample_sizes(shape, SAMPLE_OBJECTS)
    blocks = max(1, rows // _BLOCK_ROWS)
    starts = positions(max(1, shape[0] - _BLOCK_ROWS + 1), blocks).tolist()
    missing: dict[str, int] = {}
    for index in positions(shape[1], columns).tolist():
        column = data.column(index)
        field = data.schema.field(index)
        hash_facts(hasher, shape, field.name, str(field.type))
        cells = [cell for start in starts for cell in column.slice(start, _BLOCK_ROWS).to_pylist()]
        missing[field.name] = hash_cells(hasher, cells)
    profile = _profile(int(data.nbytes), min(shape[0], blocks * _BLOCK_ROWS), missing)
    return _table(shape, data.schema.names[:_LISTED_COLUMNS], _names_of(data.schema.types), profile)


def _hash_pandas_column(column: Any, hasher: Hasher) -> tuple[int, dict[str, Any] | None]:
    """Add a column; return how many of its values are missing, and how they are distributed."""
    missing = int(column.isna().sum())
    if isinstance(column.dtype, np.dtype) and column.dtype.kind != "O":
        values = column.to_numpy()
        hasher.update(values.tobytes())
        numbers = values.dtype.kind in "fiub"
        return missing, describe_table([""], values.reshape(-1, 1)).get("") if numbers else None
    cells = column.astype(object).tolist()
    hash_cells(hasher, cells)
    return missing, describe_texts(cells)


def _hash_polars_column(column: Any, hasher: Hasher) -> int:
    if column.null_count() == 0 and (column.dtype.is_float() or column.dtype.is_integer()):
        values = column.to_numpy()
        hasher.update(values.tobytes())
        return int(np.count_nonzero(values != values))  # noqa: PLR0124  (true for NaN only)
    return hash_cells(hasher, column.to_list())


def _profile(size: int, rows: int, missing: dict[str, int]) -> dict[str, Any]:
    counts = {name: int(count) for name, count in missing.items() if count}
    return {
        "size_bytes": int(size),
        "sampled_rows": rows,
        "missing": sum(counts.values()),
        **({"missing_by_column": counts} if counts else {}),
    }


def _names_of(types: Sequence[Any]) -> list[str]:
    return [str(kind)[:_TYPE_LENGTH] for kind in types]


def _table(shape: Sequence[int], names: Sequence[str], types: Sequence[str], profile: dict[str, Any]) -> Description:
    schema = [{"name": name, "type": kind} for name, kind in zip(names, types[: len(names)], strict=True)]
    hidden = len(types) - len(schema)
    return Description(tuple(shape), schema, profile, f"{hidden} more columns are not listed" if hidden else None)
