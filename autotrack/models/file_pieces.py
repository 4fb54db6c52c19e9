"""Read and write tables in files that may be larger than memory, piece by piece: Parquet and CSV."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from autotrack.errors import MissingDependencyError, UnsupportedValueError

if TYPE_CHECKING:
    import pandas as pd


class Writer(Protocol):
    """Takes the pieces of a file in order."""

    def write(self, table: pd.DataFrame) -> None:
        """Append rows."""

    def close(self) -> None:
        """Finish the file."""


def kind_of(path: Path) -> str:
    """Return "parquet" or "csv".

    Raises:
        UnsupportedValueError: The file is of another type.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in {"parquet", "csv"}:
        raise UnsupportedValueError(f"{path} is of no known type; use a file that ends in .parquet or .csv")
    return kind


def count_rows(source: str | os.PathLike[str]) -> int | None:
    """Return how many rows a file has, where that is written in it; None for CSV."""
    if kind_of(Path(source)) != "parquet":
        return None
    rows: int = _parquet().ParquetFile(source).metadata.num_rows
    return rows


def pieces(source: Path, rows: int, text_columns: Sequence[Any] = ()) -> Iterator[pd.DataFrame]:
    """Read a file piece by piece.

    Args:
        source: The file; a CSV has a head.
        rows: Of each piece but the last.
        text_columns: Columns that a CSV, which has no types, holds as texts.

    Raises:
        UnsupportedValueError: The file is of another type.
    """
    if kind_of(source) == "parquet":
        with _parquet().ParquetFile(source) as file:
            for batch in file.iter_batches(batch_size=rows):
                yield batch.to_pandas()
        return
    import pandas as pd

    with pd.read_csv(source, chunksize=rows, dtype=dict.fromkeys(text_columns, "str")) as reader:
        yield from reader


@contextmanager
def open_writer(output: Path, *, empty: str) -> Iterator[Writer]:
    """Give a writer to a file beside the output, which takes its place when all is written.

    Args:
        output: The file.
        empty: The column of a file without rows.

    Raises:
        UnsupportedValueError: The file is of another type, or the type of a column changed on the way.
    """
    kind = kind_of(output)
    part = output.with_name(f".{output.name}.part")
    try:
        writer: Writer = _ParquetWriter(part, empty) if kind == "parquet" else _CsvWriter(part, empty)
        try:
            yield writer
        finally:
            writer.close()
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


class _CsvWriter:
    def __init__(self, path: Path, empty: str) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._empty = empty
        self._begun = False

    def write(self, table: pd.DataFrame) -> None:
        table.to_csv(self._file, index=False, header=not self._begun)
        self._begun = True

    def close(self) -> None:
        if not self._begun:
            self._file.write(f"{self._empty}\n")
        self._file.close()


class _ParquetWriter:
    def __init__(self, path: Path, empty: str) -> None:
        self._path = path
        self._empty = empty
        self._schema: Any = None
        self._writer: Any = None

    def write(self, table: pd.DataFrame) -> None:
        import pyarrow as pa

        try:
            rows = pa.Table.from_pandas(table, schema=self._schema, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise UnsupportedValueError(f"a column changed its type within the file: {error}") from error
        self._append(rows)

    def _append(self, rows: Any) -> None:
        if self._writer is None:
            self._schema = rows.schema
            self._writer = _parquet().ParquetWriter(self._path, rows.schema)
        self._writer.write_table(rows)

    def close(self) -> None:
        if self._writer is None:
            import pyarrow as pa

            self._append(pa.table({self._empty: pa.array([], pa.float64())}))
        self._writer.close()


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise MissingDependencyError("pyarrow", "models") from error
    return pyarrow.parquet
