"""Turn objects users want to keep with a run into the bytes of a file: dicts, tables, figures."""

from __future__ import annotations

import csv
import io
import json
import reprlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from autotrack.errors import UnsupportedValueError
from autotrack.values import MAX_DEPTH, jsonable


def artifact_name(path: str) -> str:
    """Return the name of an artifact as records hold it: relative, with forward slashes.

    Raises:
        UnsupportedValueError: The path is empty, absolute, or leaves the run's directory.
    """
    pure = PurePosixPath(str(path).replace("\\", "/"))
    if not pure.parts or pure.is_absolute() or ".." in pure.parts or "\x00" in str(path):
        raise UnsupportedValueError(f"an artifact path must be relative and stay inside the run, got {path!r}")
    return str(pure)


def json_bytes(value: Any) -> bytes:
    """Return any nested data as indented JSON; objects JSON does not know become text."""
    return json.dumps(jsonable(value, MAX_DEPTH), indent=2, ensure_ascii=False).encode()


def table_bytes(data: Any, path: str) -> bytes:
    """Return a table as CSV or JSON, by the suffix of `path`.

    Args:
        data: A mapping of columns, a list of mappings, or a frame with `to_dict` (pandas) or `to_dicts` (polars).
        path: Ends in ".csv" or ".json".

    Raises:
        UnsupportedValueError: The suffix or the data are of another kind.
    """
    columns = _columns(data)
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UnsupportedValueError(f"the columns of a table have one length, got {reprlib.repr(lengths)}")
    if path.endswith(".csv"):
        return _csv_bytes(columns)
    if path.endswith(".json"):
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        return json_bytes({"columns": list(columns), "data": rows})
    raise UnsupportedValueError(f"a table is kept as .csv or .json, got {path!r}")


def _columns(data: Any) -> dict[str, Sequence[Any]]:
    if isinstance(data, Mapping):
        return {str(name): _as_list(values) for name, values in data.items()}
    if hasattr(data, "to_dicts"):
        return _columns_of_rows(data.to_dicts())
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        return {str(name): data.iloc[:, at].tolist() for at, name in enumerate(data.columns)}
    if isinstance(data, (list, tuple)) and all(isinstance(row, Mapping) for row in data):
        return _columns_of_rows(data)
    raise UnsupportedValueError(f"a table is a mapping of columns, rows of mappings or a frame, got {type(data)!r}")


def _columns_of_rows(rows: Sequence[Mapping[Any, Any]]) -> dict[str, Sequence[Any]]:
    names = dict.fromkeys(str(name) for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _as_list(values: Any) -> list[Any]:
    found = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(found, str) or not isinstance(found, Iterable):
        raise UnsupportedValueError(f"a column of a table is a list of values, got {reprlib.repr(found)}")
    return list(found)


def _csv_bytes(columns: dict[str, Sequence[Any]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue().encode("utf-8", "backslashreplace")


def figure_bytes(figure: Any, path: str) -> bytes:
    """Return a matplotlib or plotly figure, or a plotly figure as a dict, as the bytes of a file.

    Args:
        figure: The figure.
        path: Its suffix chooses the format: ".png", ".svg", ".pdf" for matplotlib; ".html", ".json" for plotly.

    Raises:
        UnsupportedValueError: The figure or the suffix is of another kind.
    """
    suffix = PurePosixPath(path).suffix.lstrip(".")
    matplotlib = sys.modules.get("matplotlib.figure")
    if matplotlib is not None and isinstance(figure, matplotlib.Figure):
        out = io.BytesIO()
        figure.savefig(out, format=suffix or "png")
        return out.getvalue()
    if suffix == "json" and isinstance(figure, Mapping):
        return json_bytes(figure)
    plotly = sys.modules.get("plotly.basedatatypes")
    if plotly is not None and isinstance(figure, plotly.BaseFigure):
        return _plotly_bytes(figure, suffix)
    raise UnsupportedValueError(f"cannot keep a {type(figure).__qualname__} as {path!r}")


def _plotly_bytes(figure: Any, suffix: str) -> bytes:
    if suffix == "html":
        return str(figure.to_html(include_plotlyjs=True)).encode()
    if suffix == "json":
        return str(figure.to_json()).encode()
    return bytes(figure.to_image(format=suffix))
