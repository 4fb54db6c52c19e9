"""A run or a comparison as one HTML file that needs no server: styles, scripts and numbers stand in it.

The scripts are the modules of the pages, one after the other without their imports; their policy allows exactly this
text and nothing from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from autotrack.server.api.points import series_of
from autotrack.server.assets import assets
from autotrack.server.comparison import Comparison, compare
from autotrack.server.evaluation_view import evaluation_data
from autotrack.server.pages.frame import read_head
from autotrack.server.pages.run import overview, read_code, read_evaluations
from autotrack.server.pages.search import read_search
from autotrack.server.templating import render
from autotrack.server.weights import read_weights

if TYPE_CHECKING:
    from autotrack.server.library import Library
    from autotrack.store.store import Store

MODULES = ("dom.js", "scales.js", "picture.js", "chart.js", "points.js", "curves.js", "matrix.js",
           "evaluation.js", "parallel.js", "compare.js", "report.js")  # fmt: skip
"""The scripts of a report, each after those that it imports."""

POINTS = 1_000
MAX_SERIES = 400
_IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def run_html(library: Library, run_id: str) -> str:
    """Return a run as a file."""
    with library.reading() as store:
        head = read_head(store, run_id)
        values = overview(store, head)
        found = read_evaluations(store, run_id)
        keys = [key for key, summary in head.summaries.items() if summary.count > 1][:MAX_SERIES]
        points = _points(store, [run_id], keys)
    values |= {**read_search(library, run_id), **read_code(library, run_id)}
    data = {"evaluations": [evaluation_data(one) for one in found], "weights": read_weights(library, run_id)}
    return _render(
        "report_run.html", head=head, run=head.run, points=points, data=data, evaluations=found, keys=keys, **values
    )


def comparison_html(library: Library, run_ids: list[str], baseline: str) -> str:
    """Return a comparison as a file."""
    with library.reading() as store:
        found: Comparison = compare(store, library, run_ids, baseline)
        points = _points(store, [run.id for run in found.runs], found.charts)
    return _render("report_compare.html", comparison=found, points=points)


def _points(store: Store, run_ids: list[str], keys: list[str]) -> list[dict[str, Any]]:
    series: list[dict[str, Any]] = []
    for run in run_ids:
        lengths = {key: summary.count for key, summary in store.metric_summaries(run).items()}
        for key in keys:
            if lengths.get(key, 0) > 1 and len(series) < MAX_SERIES:
                found = series_of(store, run, key, POINTS)
                series += [found] if found else []
    return series


def _render(template: str, **values: Any) -> str:
    script, style = bundle(), assets()["style.css"].decode()
    policy = f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data: blob:"
    safe = {"script": Markup(script), "style": Markup(style)}  # noqa: S704 - files of ours
    return render(template, policy=policy, **safe, **values)


@lru_cache(maxsize=1)
def bundle() -> str:
    """Return the modules of a report as one script."""
    sources = (assets()[name].decode() for name in MODULES)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", source)) for source in sources)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
