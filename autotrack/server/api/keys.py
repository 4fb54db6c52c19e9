"""What can be written into a filter or shown as a column, and whether a filter can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autotrack.errors import FilterError
from autotrack.records import STATUSES
from autotrack.server.address import write_field
from autotrack.server.context import library_of
from autotrack.server.replies import Json
from autotrack.store.filters import parse_filter
from autotrack.store.filters.fields import ATTRIBUTES
from autotrack.store.filters.syntax import Field

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

MAX_KEYS = 20_000


def list_keys(request: Request) -> Response:
    """Answer with all fields of the runs of an experiment, or of all runs, and how many runs have each."""
    library = library_of(request)
    keys = library.keys(request.query_params.get("experiment") or None) if library.exists() else []
    fields = [
        {"field": write_field(Field(key.kind, key.key)), "kind": key.kind, "key": key.key, "runs": key.runs}
        for key in keys[:MAX_KEYS]
    ]
    own = [{"field": name, "kind": "attribute", "key": name, "runs": None} for name in ATTRIBUTES]
    return Json({"fields": own + fields, "left_out": max(len(keys) - MAX_KEYS, 0), "statuses": list(STATUSES)})


def check_filter(request: Request) -> Response:
    """Say whether a filter can be read, and if not, where the mistake is."""
    try:
        parse_filter(request.query_params.get("filter", ""))
    except FilterError as error:
        return Json({"error": error.reason, "column": error.column})
    return Json({"error": None})
