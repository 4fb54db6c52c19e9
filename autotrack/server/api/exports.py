"""The runs of a view as a file: CSV for a spreadsheet, or JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from autotrack.server.address import read_fields, read_view
from autotrack.server.context import library_of
from autotrack.server.replies import to_json
from autotrack.stored_run import StoredRun

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_RUNS = 100_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_runs(request: Request) -> Response:
    """Answer with `runs.csv` or `runs.json`; `raw=1` leaves out what keeps a spreadsheet from running a cell."""
    name = request.path_params["name"]
    if name not in {"runs.csv", "runs.json"}:
        raise HTTPException(404)
    view = read_view(request.query_params)
    library = library_of(request)
    chosen = [run for run in request.query_params.get("runs", "").split(",") if run]
    with library.reading() as store:
        found = store.search(
            view.condition if not chosen else None,
            experiment=view.experiment or None,
            order_by=view.sort or None,
            deleted=view.deleted,
            limit=MAX_RUNS,
        )
    runs = [StoredRun(row, library.history).to_dict() for row in found if not chosen or row.id in chosen]
    wanted = ["id", "name", *(_column(field) for field in read_fields(view.columns))] if view.columns else None
    rows = runs if wanted is None else [{key: run.get(key) for key in wanted} for run in runs]
    if name == "runs.json":
        content: Iterator[str] = iter([to_json([_plain_times(row) for row in rows])])
        kind = "application/json"
    else:
        content = _csv_lines(rows, raw=request.query_params.get("raw") == "1")
        kind = "text/csv"
    return StreamingResponse(
        content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'}
    )


def _column(field: Any) -> str:
    prefix = {"metric": "metrics.", "param": "params.", "tag": "tags."}.get(field.kind, "")
    return f"{prefix}{field.key}"


def _plain_times(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in row.items()}


def _csv_lines(rows: list[dict[str, Any]], *, raw: bool) -> Iterator[str]:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for row in [dict(zip(columns, columns, strict=True)), *map(_plain_times, rows)]:
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="\n").writerow([_cell(row.get(column), raw=raw) for column in columns])
        yield line.getvalue()


def _cell(value: Any, *, raw: bool) -> Any:
    """Return a cell; a text that a spreadsheet would take for a formula gets a quote before it."""
    if isinstance(value, str):
        return f"'{value}" if not raw and value.startswith(_FORMULA) else value
    return to_json(value) if isinstance(value, bool | list | dict) else value
