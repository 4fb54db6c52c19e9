"""Find logged models, by their values and by those measured on some data."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from autotrack.server.mlflow_api.endpoint import Call, Endpoint, listed
from autotrack.server.mlflow_api.filters import TIME, Attribute, Grammar, parse_filter
from autotrack.server.mlflow_api.model_messages import model_message
from autotrack.server.mlflow_api.protocol import ProtocolError
from autotrack.server.mlflow_api.requests import ExperimentId, one_page
from autotrack.store.tracking.model_search import DataName, LoggedOrder, search_logged

_CREATED, _UPDATED = Attribute("created", TIME), Attribute("updated", TIME)
MODELS = Grammar(
    {
        **{
            name: Attribute(name, lists=True)
            for name in ("name", "model_id", "status", "model_type", "source_run_id", "experiment_id")
        },
        **dict.fromkeys(("creation_timestamp", "creation_time", "creation_timestamp_ms"), _CREATED),
        **dict.fromkeys(("last_updated_timestamp", "last_updated_timestamp_ms"), _UPDATED),
    },
    ("metric", "param", "tag"),
)


class DataField(msgspec.Struct):
    """Data by name, and perhaps digest."""

    dataset_name: Annotated[str, Meta(min_length=1)]
    dataset_digest: str | None = None


class OrderField(msgspec.Struct):
    """What results are sorted by."""

    field_name: Annotated[str, Meta(min_length=1)]
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Search(msgspec.Struct):
    """Find logged models."""

    experiment_ids: Annotated[list[ExperimentId], Meta(max_length=10_000)] = []
    filter: str = ""
    datasets: list[DataField] = []
    max_results: Annotated[int, Meta(ge=1, le=1_000)] = 100
    order_by: list[OrderField] = []
    page_token: str = ""


def search(call: Call, asked: Search) -> Any:
    """Find logged models of the experiments that the caller may see."""
    find = partial(
        search_logged,
        call.connection,
        call.visible([int(one) for one in asked.experiment_ids]) or [],
        parse_filter(asked.filter, MODELS),
        [_order(term) for term in asked.order_by],
        [DataName(data.dataset_name, data.dataset_digest) for data in asked.datasets],
    )
    return one_page("models", asked, find, lambda page: list(map(model_message, page)))


def _order(term: OrderField) -> LoggedOrder:
    dataset = DataName(term.dataset_name, term.dataset_digest) if term.dataset_name else None
    kind, _, key = term.field_name.partition(".")
    if kind == "metrics" and key:
        return LoggedOrder("", key, dataset, not term.ascending)
    if term.field_name not in MODELS.attributes:
        raise ProtocolError(f"logged models cannot be sorted by {term.field_name[:80]!r}")
    return LoggedOrder(MODELS.attributes[term.field_name].column, None, None, not term.ascending)


ENDPOINTS: list[Endpoint] = [listed("logged-models/search", Search, search, method="POST")]
