"""Several runs on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autotrack.server.comparison import MAX_RUNS, compare
from autotrack.server.context import checked_run_id, library_of
from autotrack.server.replies import Refused, page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def show_comparison(request: Request) -> Response:
    """Show the runs that the address names."""
    ids = wanted_runs(request)
    library, asked = library_of(request), request.query_params
    names = {name: asked.get(name, "") for name in ("metric", "param")}
    with library.reading() as store:
        found = compare(store, library, ids, asked.get("baseline", ""), **names)
    return page(request, "compare.html", comparison=found, ids=[run.id for run in found.runs], place=library.label)


def wanted_runs(request: Request) -> list[str]:
    """Return the ids in `runs`, separated by commas.

    Raises:
        Refused: There are none, or too many.
    """
    ids = [checked_run_id(run) for run in request.query_params.get("runs", "").split(",") if run]
    if not 0 < len(ids) <= MAX_RUNS:
        raise Refused(f"a comparison takes 1 to {MAX_RUNS} runs")
    return ids
