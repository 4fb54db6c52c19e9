"""What the palette finds by a few letters: experiments, runs and models, each with the page that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote as quote_path
from urllib.parse import urlencode

from autotrack.server.address import quote
from autotrack.server.context import library_of
from autotrack.server.pages.listing import matching_names
from autotrack.server.replies import Json
from autotrack.store.registry.search import search_models

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from autotrack.store.store import Store

MAX_FOUND = 8
MAX_TEXT = 200


def find_pages(request: Request) -> Response:
    """Answer with the pages of what has `text` in its name, or of the latest runs where there is no text."""
    library = library_of(request)
    if not library.exists():
        return Json({"found": []})
    text = request.query_params.get("text", "").strip()[:MAX_TEXT]
    with library.reading() as store:
        return Json({"found": [*_experiments(store, text), *_runs(store, text), *_models(store, text)]})


def _experiments(store: Store, text: str) -> list[dict[str, str]]:
    names = matching_names((one.name for one in store.experiments()), text)[:MAX_FOUND]
    return [_entry("experiment", name, "", f"/?{urlencode({'experiment': name})}") for name in names]


def _runs(store: Store, text: str) -> list[dict[str, str]]:
    wanted = _named(text) and f"{_named(text)} or id = {quote(text)}"
    found = store.search(wanted, limit=MAX_FOUND, with_values=False)
    return [_entry("run", run.name, run.experiment, f"/runs/{run.id}") for run in found]


def _models(store: Store, text: str) -> list[dict[str, str]]:
    found = search_models(store, _named(text), limit=MAX_FOUND)
    return [_entry("model", model.name, "", f"/models/{quote_path(model.name, safe='')}") for model in found]


def _named(text: str) -> str:
    """Write the filter that finds the text in names; `%` and `_` in it stand for any signs, as in all filters."""
    return f"name ilike {quote(f'%{text}%')}" if text else ""


def _entry(kind: str, title: str, note: str, path: str) -> dict[str, str]:
    return {"kind": kind, "title": title, "note": note, "path": path}
