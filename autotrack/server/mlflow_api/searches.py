"""Find runs, and the data that runs used."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from autotrack.server.mlflow_api.endpoint import Call, Endpoint, listed
from autotrack.server.mlflow_api.filters import RUNS, parse_filter, parse_order
from autotrack.server.mlflow_api.requests import ExperimentId, one_page, view_of
from autotrack.server.mlflow_api.runs import describe
from autotrack.store.tracking.inputs import data_of_experiments
from autotrack.store.tracking.searching import search_runs

MAX_RESULTS = 50_000
MAX_DATASETS = 1_000


class SearchRuns(msgspec.Struct):
    """Find runs."""

    experiment_ids: Annotated[list[ExperimentId], Meta(max_length=10_000)] = []
    filter: str = ""
    run_view_type: str = ""
    max_results: Annotated[int, Meta(ge=1, le=MAX_RESULTS)] = 1_000
    order_by: list[str] = []
    page_token: str = ""


class SearchDatasets(msgspec.Struct):
    """Find data."""

    experiment_ids: Annotated[list[ExperimentId], Meta(min_length=1, max_length=20)]


def search(call: Call, asked: SearchRuns) -> Any:
    """Find runs of the experiments that the caller may see."""
    find = partial(
        search_runs,
        call.connection,
        call.visible([int(one) for one in asked.experiment_ids]) or [],
        parse_filter(asked.filter, RUNS),
        parse_order(asked.order_by, RUNS),
        view=view_of(asked.run_view_type),
    )
    return one_page("runs", asked, find, lambda page: describe(call, page))


def search_datasets(call: Call, asked: SearchDatasets) -> Any:
    """Find the data that runs of some experiments used."""
    visible = call.visible([int(one) for one in asked.experiment_ids]) or []
    found = data_of_experiments(call.connection, visible, MAX_DATASETS)
    names = ("experiment_id", "name", "digest", "context")
    summaries = [dict(zip(names, map(str, line), strict=True)) for line in found]
    return {"dataset_summaries": summaries} if summaries else {}


ENDPOINTS: list[Endpoint] = [
    listed("runs/search", SearchRuns, search, method="POST"),
    listed("experiments/search-datasets", SearchDatasets, search_datasets, method="POST"),
]
