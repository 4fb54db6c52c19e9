"""Views of the table of runs that people keep under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams

from autotrack.server.address import read_view
from autotrack.server.context import library_of, read_json
from autotrack.server.replies import Json
from autotrack.store.editing import delete_view, save_view

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from autotrack.server.library import Library


class ViewEdit(Struct, forbid_unknown_fields=True):
    """A view to keep, or without a query one to forget."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    query: Annotated[str, Meta(max_length=20_000)] | None = None


async def keep_view(request: Request) -> Response:
    """Keep or forget a view. Of the query only what describes a view is kept."""
    edit = await read_json(request, ViewEdit)
    await run_in_threadpool(_keep, library_of(request), edit)
    return Json({"name": edit.name})


def _keep(library: Library, edit: ViewEdit) -> None:
    with library.writing() as store:
        if edit.query is None:
            delete_view(store, edit.name)
        else:
            save_view(store, edit.name, read_view(QueryParams(edit.query)).query(page=1))
