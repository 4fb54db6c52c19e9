"""What people change on the pages: names, tags and notes of runs, and the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool

from autotrack.server.context import checked_run_id, library_of, read_json
from autotrack.server.replies import Json, Refused
from autotrack.store.editing import rename_run, set_tags

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from autotrack.server.library import Library


class Edit(Struct, forbid_unknown_fields=True):
    """One change of one or more runs.

    Attributes:
        action: "rename" takes `name`, "tag" takes `tags` (a value of null removes one), the others take nothing more.
        runs: Ids.
    """

    action: Literal["rename", "tag", "delete", "restore"]
    runs: Annotated[list[str], Meta(min_length=1, max_length=1_000)]
    name: Annotated[str, Meta(max_length=1_000)] = ""
    tags: dict[Annotated[str, Meta(min_length=1, max_length=500)], Annotated[str, Meta(max_length=50_000)] | None] = {}


async def edit_runs(request: Request) -> Response:
    """Make a change; all runs that it concerned come back, child runs included."""
    edit = await read_json(request, Edit)
    runs = [checked_run_id(run) for run in edit.runs]
    changed = await run_in_threadpool(_make, library_of(request), edit, runs)
    return Json({"runs": changed})


def _make(library: Library, edit: Edit, runs: list[str]) -> list[str]:
    if edit.action in {"delete", "restore"}:
        move = library.history.delete if edit.action == "delete" else library.history.restore
        return list(dict.fromkeys(moved.id for run in runs for moved in move(run)))
    with library.writing() as store:
        if edit.action == "tag":
            set_tags(store, runs, edit.tags)
            return runs
        if not edit.name.strip():
            raise Refused("a run needs a name")
        for run in runs:
            rename_run(store, run, edit.name.strip())
    return runs
