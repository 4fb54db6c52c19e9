"""The table of runs: of an experiment or of all, filtered, sorted and grouped as its address says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from autotrack.errors import ExperimentNotFoundError, FilterError
from autotrack.server.address import SIZES, RunsView, read_fields, read_view, write_fields
from autotrack.server.context import library_of
from autotrack.server.groups import read_group_table
from autotrack.server.replies import page
from autotrack.server.table import Table, read_more, read_table
from autotrack.store.editing import saved_views
from autotrack.store.tracking.experiments import get_experiment

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from autotrack.store.store import Store

MAX_BITS = 63
NOTHING = Table([], [], [], "", has_data=False, total=0)


def show_runs(request: Request) -> Response:
    """Show the runs."""
    library = library_of(request)
    if not library.exists():
        return page(request, "no_store.html", place=library.label)
    view = read_view(request.query_params)
    with library.reading() as store:
        values = {"experiments": store.experiments(), "views": saved_views(store), **_content(store, view)}
    return page(request, "runs.html", view=view, query=view.query(), sizes=SIZES, place=library.label, **values)


def show_more(request: Request) -> Response:
    """Return the rows of another page of a table that a browser shows; it says which columns there are."""
    params = request.query_params
    view, fields = read_view(params), read_fields(params.get("fields", ""))
    with library_of(request).reading() as store:
        table = read_more(store, view, fields, params.get("spark", ""), with_data=params.get("data") == "1")
    return page(request, "more_rows.html", view=view, table=table)


def find_experiment(request: Request) -> Response:
    """Lead to the runs of an experiment that is known by its number, as MLflow's clients know it."""
    number = request.path_params["number"]
    if number.bit_length() > MAX_BITS:
        raise HTTPException(404)
    try:
        with library_of(request).reading() as store, store.reading() as connection:
            name = get_experiment(connection, number).name
    except ExperimentNotFoundError as error:
        raise HTTPException(404) from error
    return RedirectResponse(RunsView(experiment=name).link(), 303)


def _content(store: Store, view: RunsView) -> dict[str, Any]:
    """Read what the view shows, or what is wrong with it."""
    content: dict[str, Any] = {"table": NOTHING, "groups": None, "problem": None, "fields": ""}
    try:
        if view.group:
            content["groups"] = read_group_table(store, view)
        else:
            content["table"] = read_table(store, view)
            content["fields"] = write_fields(content["table"].fields)
    except FilterError as error:
        in_filter = error.text == view.filter
        content["problem"] = {"reason": error.reason, "column": error.column if in_filter else None, "text": error.text}
    return content
