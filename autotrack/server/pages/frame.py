"""What all pages of one run have in common: its head, and the tabs for what it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from autotrack.highlights import is_background
from autotrack.names import CV_FOLDS, CV_RESULTS, TRIALS
from autotrack.server.context import library_of, run_id_of
from autotrack.server.replies import page
from autotrack.server.run_models import count_models
from autotrack.server.weights import holds_weights
from autotrack.store.rows import MetricSummary, RunRow

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from autotrack.store.store import Store

SYSTEM = "system/"


class Tab(msgspec.Struct, frozen=True):
    """A page of a run; `count` stands beside its title."""

    name: str
    title: str
    path: str
    count: int | None = None


class RunHead(msgspec.Struct, frozen=True):
    """A run with what its head shows."""

    run: RunRow
    parent: RunRow | None
    summaries: dict[str, MetricSummary]
    tabs: list[Tab]


def run_page(request: Request, template: str, tab: str, *, head: RunHead | None = None, **values: Any) -> Response:
    """Return a page of the run that the address names; `head` is given where it was read already."""
    library = library_of(request)
    if head is None:
        with library.reading() as store:
            head = read_head(store, run_id_of(request))
    return page(request, template, head=head, run=head.run, tab=tab, place=library.label, **values)


def read_head(store: Store, run_id: str) -> RunHead:
    """Read what the head of a run shows."""
    run = store.get_run(run_id)
    summaries = store.metric_summaries(run_id)
    parent = store.search(f'id = "{run.parent_id}"', limit=1, with_values=False) if run.parent_id else []
    return RunHead(run, parent[0] if parent else None, summaries, _tabs(store, run_id, summaries))


def chart_keys(summaries: dict[str, MetricSummary], *, system: bool) -> list[str]:
    """Return the metrics that a page of charts draws: those with more than one point, of the model or the machine."""
    several = [key for key, summary in summaries.items() if summary.count > 1]
    return [key for key in several if (key.startswith(SYSTEM) if system else not is_background(key))]


def _tabs(store: Store, run_id: str, summaries: dict[str, MetricSummary]) -> list[Tab]:
    files = store.artifacts(run_id)
    charts, system = (len(chart_keys(summaries, system=system)) for system in (False, True))
    evaluations = len({row.split for row in store.evaluations(run_id)}) or sum(
        holds_weights(file.path) for file in files
    )
    data = len(store.datasets(run_id)) + count_models(store, run_id)
    searched = any(file.path in {CV_RESULTS, TRIALS} for file in files)
    counted = [
        ("charts", "Charts", charts),
        ("evaluation", "Evaluation", evaluations),
        ("search", "Search" if searched else "Folds", int(searched or any(file.path == CV_FOLDS for file in files))),
        ("data", "Data & model", data),
        ("system", "System", system),
        ("files", "Files", len(files)),
    ]
    base = f"/runs/{run_id}"
    shown = [
        Tab(name, title, f"{base}/{name}", None if name == "search" else count)
        for name, title, count in counted
        if count
    ]
    return [Tab("overview", "Overview", base), *shown, Tab("code", "Code & environment", f"{base}/code")]
