"""CSV files of runs as rows for a page, within limits."""

from __future__ import annotations

import csv
import io

import msgspec

MAX_ROWS = 2_000
MAX_COLUMNS = 200
MAX_CELL = 2_000


class CsvTable(msgspec.Struct, frozen=True):
    """Head and rows of a file; `more` where there are rows that were left out."""

    head: list[str]
    rows: list[list[str]]
    more: bool = False


def parse_csv(text: str, delimiter: str = ",") -> CsvTable | None:
    """Read a table; None where it cannot be read as one."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            if len(rows) > MAX_ROWS:
                return CsvTable(rows[0], rows[1:], more=True)
            rows.append([cell[:MAX_CELL] for cell in row[:MAX_COLUMNS]])
    except csv.Error:
        return None
    return CsvTable(rows[0], rows[1:]) if rows else None
