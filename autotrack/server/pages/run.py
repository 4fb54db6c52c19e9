"""The pages of one run: overview, charts, machine, evaluation, data and model, code and environment."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from autotrack.evaluation.report import Evaluation
from autotrack.highlights import rank_metrics
from autotrack.names import ENVIRONMENT, OVERHEAD
from autotrack.server.artifacts import IMAGES, file_id, read_text, suffix_of
from autotrack.server.context import library_of, run_id_of
from autotrack.server.evaluation_view import evaluation_data
from autotrack.server.pages.frame import RunHead, chart_keys, read_head, run_page
from autotrack.server.pages.listing import LONGEST, listing_of, matching_names
from autotrack.server.run_models import read_run_models
from autotrack.server.table import COUNTERS
from autotrack.server.weights import read_weights

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from autotrack.server.library import Library
    from autotrack.store.rows import MetricSummary
    from autotrack.store.store import Store

LEADING = 6
LEADING_CHARTS = 3
DESCRIPTION = "mlflow.note.content"
MAX_CHILDREN = 500
MAX_PICTURES = 12
_CONTEXT_TAGS = re.compile(r"^(mlflow\.|autotrack\.)")
_DIFF = re.compile(r"(^|/)[^/]*\.(diff|patch)$")
_CONSOLE = re.compile(r"(^|/)(console|output|stdout|stderr)[^/]*\.(txt|log)$")


def show_overview(request: Request) -> Response:
    """Show what matters first: leading numbers, params, all metrics, notes, child runs."""
    wanted = request.query_params
    with library_of(request).reading() as store:
        head = read_head(store, run_id_of(request))
        values = overview(store, head, metric=wanted.get("metric", ""), param=wanted.get("param", ""))
    return run_page(request, "overview.html", "overview", head=head, **values)


def overview(store: Store, head: RunHead, *, metric: str = "", param: str = "") -> dict[str, Any]:
    """Read what the overview of a run shows; of metrics and params those with a part in their name."""
    run_id = head.run.id
    ranked = rank_metrics([head.summaries])
    metrics = [(key, head.summaries[key]) for key in matching_names(ranked, metric)]
    params = [(key, head.run.params[key]) for key in sorted(matching_names(head.run.params, param))]
    tags = head.run.tags
    children = store.children(run_id)[:MAX_CHILDREN]
    pictures = [file.path for file in store.artifacts(run_id) if suffix_of(file.path) in IMAGES]
    return {
        "leading": [(key, head.summaries[key]) for key in ranked[:LEADING]],
        "metrics": listing_of(metrics, len(ranked), metric),
        "params": listing_of(params, len(head.run.params), param),
        "tags": sorted((key, value) for key, value in tags.items() if not _CONTEXT_TAGS.match(key)),
        "description": tags.get(DESCRIPTION, ""),
        "notes": store.notes(run_id),
        "children": children,
        "child_score": next(iter(rank_metrics([child.metrics for child in children])), ""),
        "overhead": head.summaries.get(OVERHEAD),
        "charts": _leading_charts(ranked, head.summaries),
        "datasets": store.datasets(run_id),
        "models": store.models(run_id),
        "pictures": [(file_id(path), path) for path in pictures[:MAX_PICTURES]],
    }


def _leading_charts(ranked: list[str], summaries: dict[str, MetricSummary]) -> list[str]:
    """Return the charts of the overview: the leading metrics with a course, which a score logged twice has not."""
    several = (key for key in ranked if summaries[key].last_step > summaries[key].first_step and key not in COUNTERS)
    return list(islice(several, LEADING_CHARTS))


def show_charts(request: Request) -> Response:
    """Show the course of all metrics of the model."""
    return _charts(request, "charts", system=False)


def show_system(request: Request) -> Response:
    """Show the course of all metrics of the machine."""
    return _charts(request, "system", system=True)


def _charts(request: Request, tab: str, *, system: bool) -> Response:
    wanted = request.query_params.get("metric", "")
    with library_of(request).reading() as store:
        head = read_head(store, run_id_of(request))
    several = chart_keys(head.summaries, system=system)
    keys = matching_names(several, wanted)
    once = {} if system else {key: summary for key, summary in head.summaries.items() if summary.count == 1}
    single = [(key, once[key]) for key in rank_metrics([once])]
    return run_page(
        request,
        "charts.html",
        tab,
        head=head,
        charts=listing_of(keys, len(several), wanted),
        groups=group_keys(keys[:LONGEST]),
        single=listing_of(single, len(single), ""),
    )


def group_keys(keys: list[str]) -> list[tuple[str, list[str]]]:
    """Put together the metrics whose names begin with the same words before a slash; what tells most comes first.

    Example:
        >>> group_keys(["epoch", "loss", "val_loss", "gradient/norm"])
        [('', ['val_loss', 'loss', 'epoch']), ('gradient', ['gradient/norm'])]
    """
    places = {key: place for place, key in enumerate(rank_metrics([keys]))}
    groups: dict[str, list[str]] = {}
    for key in sorted(keys, key=lambda key: (key in COUNTERS, places.get(key, 0), key)):
        prefix, slash, _ = key.rpartition("/")
        groups.setdefault(prefix if slash else "", []).append(key)
    return sorted(groups.items())


def show_evaluation(request: Request) -> Response:
    """Show the latest evaluation of each split."""
    library, run_id = library_of(request), run_id_of(request)
    with library.reading() as store:
        found = read_evaluations(store, run_id)
    data = {"evaluations": [evaluation_data(one) for one in found], "weights": read_weights(library, run_id)}
    return run_page(request, "evaluation.html", "evaluation", evaluations=found, data=data)


def read_evaluations(store: Store, run_id: str) -> list[Evaluation]:
    """Read the latest evaluation of each split of a run; held-out data come first."""
    latest: dict[str, dict[str, Any]] = {}
    for row in store.evaluations(run_id):
        if not _repeats(row.report, latest.get(row.split, {})):
            latest[row.split] = row.report
    order = sorted(latest, key=lambda split: (split.startswith("train"), split))
    return [Evaluation.from_dict(latest[split]) for split in order]


def _repeats(report: dict[str, Any], earlier: dict[str, Any]) -> bool:
    """Say whether an evaluation has the predictions of an earlier one, but not the probabilities that this had."""
    same = all(report.get(part) == earlier.get(part) for part in ("task", "labels", "matrix"))
    return same and bool(report.get("matrix") and earlier.get("curves")) and not report.get("curves")


def show_data(request: Request) -> Response:
    """Show the data that went in, and the models that came out."""
    library, run_id = library_of(request), run_id_of(request)
    with library.reading() as store:
        datasets = store.datasets(run_id)
    return run_page(request, "data.html", "data", datasets=datasets, models=read_run_models(library, run_id))


def show_code(request: Request) -> Response:
    """Show where the code came from, what differed from the commit, the environment and the console."""
    return run_page(request, "code.html", "code", **read_code(library_of(request), run_id_of(request)))


def read_code(library: Library, run_id: str) -> dict[str, Any]:
    """Read where the code of a run came from, and in which environment it ran."""
    with library.reading() as store:
        tags = store.get_run(run_id).tags
        paths = [file.path for file in store.artifacts(run_id)]
    texts = [
        (path, file_id(path), read_text(library, run_id, path) or "", _DIFF.search(path) is not None)
        for path in paths
        if _DIFF.search(path) or _CONSOLE.search(path)
    ]
    source = sorted((key, value) for key, value in tags.items() if _CONTEXT_TAGS.match(key) and key != DESCRIPTION)
    environment = read_environment(read_text(library, run_id, ENVIRONMENT))
    return {"source": source, "texts": texts, "environment": environment}


def read_environment(text: str | None) -> dict[str, Any]:
    """Read the file that describes the environment of a run; nothing where there is none."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}
