"""The pages of the registry: all models, one model with its versions, one version, and two beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from autotrack.errors import FilterError
from autotrack.highlights import rank_metrics
from autotrack.server.context import library_of
from autotrack.server.registry_view import read_version_table, signature_parts, version_snippets
from autotrack.server.replies import page
from autotrack.server.run_models import format_of
from autotrack.store.registry import reading
from autotrack.store.registry.comparison import compare_versions, run_of
from autotrack.store.registry.rules import STAGES
from autotrack.store.registry.search import search_models

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

MAX_MODELS = 1_000
PAGE = 100
MAX_CHANGES = 100


def show_models(request: Request) -> Response:
    """Show all registered models, or those that a filter finds."""
    library = library_of(request)
    if not library.exists():
        return page(request, "no_store.html", place=library.label)
    text = request.query_params.get("filter", "").strip()
    values: dict[str, Any] = {"models": [], "problem": None}
    try:
        with library.reading() as store:
            values["models"] = search_models(store, text, limit=MAX_MODELS)
    except FilterError as error:
        values["problem"] = error
    return page(request, "models.html", filter=text, limit=MAX_MODELS, place=library.label, **values)


def show_model(request: Request) -> Response:
    """Show a model: what people wrote about it, its versions, and who changed what."""
    library, name = library_of(request), request.path_params["name"]
    number = max(_number(request.query_params.get("page", "1")), 1)
    with library.reading() as store:
        model = reading.get_model(store, name)
        versions = reading.list_versions(store, name, limit=PAGE, offset=(number - 1) * PAGE)
        table = read_version_table(store, versions)
        changes = reading.history(store, name, limit=MAX_CHANGES)
    return page(
        request,
        "model.html",
        model=model,
        table=table,
        changes=changes,
        number=number,
        last=max(-(-model.versions // PAGE), 1),
        place=library.label,
    )


def show_version(request: Request) -> Response:
    """Show a version: where it came from, what it takes and gives, how to use it, and who changed what."""
    library, name = library_of(request), request.path_params["name"]
    number = _number(request.path_params["version"])
    with library.reading() as store:
        model = reading.get_model(store, name)
        version = reading.find_version(store, name, version=number)
        changes = reading.history(store, name, number, limit=MAX_CHANGES)
        run = run_of(store, version)
        name_in_run = version.source.rpartition("/")[2]
        trust = run is None or format_of(name_in_run, store.notes(run.id))[1]
        table = read_version_table(store, [version])
    return page(
        request,
        "model_version.html",
        model=model,
        version=version,
        run=run,
        metrics=list(zip(table.metrics, table.rows[0].metrics, strict=True)),
        signature=signature_parts(version.signature),
        snippets=version_snippets(version, trust=trust),
        changes=changes,
        stages=STAGES,
        place=library.label,
    )


def compare(request: Request) -> Response:
    """Show two versions of a model beside each other: `before` and `after` in the address."""
    library, name = library_of(request), request.path_params["name"]
    wanted = [_number(request.query_params.get(side, "")) for side in ("before", "after")]
    with library.reading() as store:
        before, after = (reading.find_version(store, name, version=number) for number in wanted)
        found = compare_versions(store, before, after)
    metrics = {pair.key: pair for pair in found.metrics}
    ranked = [metrics[key] for key in rank_metrics([metrics])]
    return page(request, "model_compare.html", comparison=found, metrics=ranked, place=library.label)


def _number(text: str) -> int:
    """Read the number of a version or a page.

    Raises:
        HTTPException: It is none.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise HTTPException(404)
    return int(text)
