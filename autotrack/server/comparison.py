"""Several runs side by side: in what their params differ, and how far their metrics are from those of a baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from autotrack.highlights import is_background, rank_metrics
from autotrack.names import ENVIRONMENT
from autotrack.server.artifacts import read_text
from autotrack.server.evaluation_view import evaluation_data
from autotrack.server.pages.frame import chart_keys
from autotrack.server.pages.listing import LONGEST, Listing, listing_of, matching_names
from autotrack.server.pages.run import read_environment, read_evaluations
from autotrack.server.same_names import tell_apart
from autotrack.server.table import COUNTERS
from autotrack.server.templating import param_text
from autotrack.store.apply import as_number
from autotrack.store.rows import RunRow
from autotrack.words import number

if TYPE_CHECKING:
    from autotrack.server.library import Library
    from autotrack.store.store import Store

MAX_RUNS = 200
MAX_CHARTS = 40
MAX_CHARTED_RUNS = 20
MAX_EVALUATED = 12
MAX_TEXT = 200


class Line(msgspec.Struct, frozen=True):
    """A key with its value in each run; `differs` where the values are not all equal."""

    key: str
    values: list[str]
    differs: bool


class Delta(msgspec.Struct, frozen=True):
    """A metric of a run beside that of the baseline.

    Attributes:
        text: The value.
        change: What it is more or less, with sign; empty where there is nothing to compare.
        sign: "up", "down" or "".
    """

    text: str
    change: str = ""
    sign: str = ""


class Comparison(msgspec.Struct, frozen=True):
    """Everything that the page of a comparison shows."""

    runs: list[RunRow]
    baseline: str
    params: Listing[Line]
    metrics: Listing[tuple[str, list[Delta]]]
    context: list[Line]
    packages: list[Line]
    charts: list[str]
    data: dict[str, Any]


def compare(
    store: Store, library: Library, run_ids: Sequence[str], baseline: str, *, metric: str = "", param: str = ""
) -> Comparison:
    """Read a comparison.

    Args:
        store: Open for reading.
        library: Where the files of the runs are.
        run_ids: In the order of the columns.
        baseline: One of them, else the first one is taken.
        metric: A part of the names of the metrics to list.
        param: Likewise of the params.

    Raises:
        RunNotFoundError: One of the runs is not there.
    """
    runs = tell_apart([store.get_run(run_id) for run_id in dict.fromkeys(run_ids)][:MAX_RUNS])
    base = next((run for run in runs if run.id == baseline), runs[0]) if runs else None
    few = runs[:MAX_CHARTED_RUNS]
    keys: dict[str, None] = {}
    moving: set[str] = set()  # what was logged at one step only comes last
    for run in few:
        summaries = store.metric_summaries(run.id)
        keys.update(dict.fromkeys(chart_keys(summaries, system=False)))
        moving.update(key for key, summary in summaries.items() if summary.last_step > summary.first_step)
    return Comparison(
        runs=runs,
        baseline=base.id if base else "",
        params=_params(runs, param),
        metrics=_metrics(runs, base, metric),
        context=_lines([_context(run) for run in runs]),
        packages=_packages(library, few),
        charts=sorted(rank_metrics([keys.keys() - COUNTERS]), key=lambda key: key not in moving)[:MAX_CHARTS],
        data=_data(store, runs),
    )


def _lines(columns: Sequence[dict[str, str]]) -> list[Line]:
    keys = sorted({key for column in columns for key in column})
    found = [(key, [column.get(key, "") for column in columns]) for key in keys]
    return [Line(key, values, len(set(values)) > 1) for key, values in found]


def _params(runs: Sequence[RunRow], wanted: str) -> Listing[Line]:
    """Return the params; those that differ are among the first where there is no room for all."""
    lines = _lines([{key: param_text(param) for key, param in run.params.items()} for run in runs])
    names = set(matching_names([line.key for line in lines], wanted))
    found = [line for line in lines if line.key in names]
    if len(found) > LONGEST:
        found.sort(key=lambda line: not line.differs)
    return listing_of(found, len(lines), wanted)


def _metrics(runs: Sequence[RunRow], base: RunRow | None, wanted: str) -> Listing[tuple[str, list[Delta]]]:
    ranked = rank_metrics([run.metrics for run in runs])
    keys = matching_names(ranked, wanted)
    rows = [
        (
            key,
            [_delta(run.metrics.get(key), base.metrics.get(key) if base and run is not base else None) for run in runs],
        )
        for key in keys[:LONGEST]
    ]
    return Listing(rows, len(ranked), len(keys), wanted)


def _delta(value: float | None, base: float | None) -> Delta:
    if value is None:
        return Delta("")
    difference = math.nan if base is None else value - base
    if not math.isfinite(difference) or difference == 0:
        return Delta(number(value), "=" if difference == 0 else "")
    share = f" ({difference / abs(base):+.1%})" if base else ""
    return Delta(number(value), f"{difference:+.4g}{share}", "up" if difference > 0 else "down")


def _context(run: RunRow) -> dict[str, str]:
    wanted = ("mlflow.source.", "mlflow.user", "estimator_", "mlflow.autologging")
    return {key: value for key, value in run.tags.items() if key.startswith(wanted)}


def _packages(library: Library, runs: Sequence[RunRow]) -> list[Line]:
    """Return the packages whose versions differ."""
    columns = []
    for run in runs:
        environment = read_environment(read_text(library, run.id, ENVIRONMENT))
        packages = environment.get("packages")
        known = packages if isinstance(packages, dict) else {}
        columns.append(
            {"python": str(environment.get("python", "")), **{key: str(value) for key, value in known.items()}}
        )
    return [line for line in _lines(columns) if line.differs]


def _told(run: RunRow) -> Iterator[tuple[str, float]]:
    return ((key, value) for key, value in run.metrics.items() if not is_background(key))


def _data(store: Store, runs: Sequence[RunRow]) -> dict[str, Any]:
    """Return what the scripts draw."""
    return {
        "runs": [
            {
                "id": run.id,
                "name": run.name,
                "params": dict(islice(_axis_values(run).items(), LONGEST)),
                "metrics": dict(islice(_told(run), LONGEST)),
            }
            for run in runs
        ],
        "evaluations": {
            run.id: [evaluation_data(one) for one in read_evaluations(store, run.id)] for run in runs[:MAX_EVALUATED]
        },
    }


def _axis_values(run: RunRow) -> dict[str, float | str]:
    """Return the params of a run as numbers where they are some; they become axes."""
    short = {key: param for key, param in run.params.items() if len(param.text) <= MAX_TEXT}
    numbers = {key: as_number(param) for key, param in short.items() if param.type != "bool"}
    return {key: found if (found := numbers.get(key)) is not None else param.text for key, param in short.items()}
