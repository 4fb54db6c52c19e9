"""All runs of a view, for who selects them all: a browser has only those in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autotrack.server.address import MAX_SELECTED, read_view
from autotrack.server.context import library_of
from autotrack.server.replies import Json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def select_all(request: Request) -> Response:
    """Answer with ids and names of the runs of a view in its order, up to as many as one change may concern."""
    view = read_view(request.query_params)
    with library_of(request).reading() as store:
        found = store.search(
            view.condition,
            experiment=view.experiment or None,
            deleted=view.deleted,
            order_by=view.sort or None,
            limit=MAX_SELECTED,
            with_values=False,
        )
    return Json({"runs": [[run.id, run.name] for run in found]})
