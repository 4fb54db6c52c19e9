"""The runs of a view in groups: mean and spread of each metric over all runs of a group, never over a sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from autotrack.records import Param
from autotrack.server.address import RunsView, quote, read_fields, title, write_field
from autotrack.server.table import default_fields
from autotrack.server.templating import cell
from autotrack.store.filters.syntax import Field
from autotrack.store.grouping import Group, Spread, read_groups
from autotrack.store.queries import Search

if TYPE_CHECKING:
    from autotrack.store.store import Store

MAX_GROUPS = 1_000
MAX_METRICS = 30
SAMPLE = 40


class GroupRow(msgspec.Struct, frozen=True):
    """A group, and the address that shows its runs."""

    values: list[str]
    runs: int
    spreads: list[Spread]
    link: str


class GroupTable(msgspec.Struct, frozen=True):
    """All groups of a view, the best of the first metric first; `left_out` where there are too many."""

    by: list[str]
    metrics: list[str]
    rows: list[GroupRow]
    left_out: int


def read_group_table(store: Store, view: RunsView) -> GroupTable:
    """Group the runs of a view.

    Raises:
        FilterError: Something in the view cannot be read.
    """
    by = read_fields(view.group)
    fields = read_fields(view.columns) or _usual_fields(store, view)
    metrics = [field for field in fields if field.kind == "metric"][:MAX_METRICS]
    search = Search(view.condition, view.experiment or None, view.deleted)
    groups = sorted(read_groups(store, search, by, metrics), key=_rank)
    shown = groups[:MAX_GROUPS]
    return GroupTable(
        by=[title(field) for field in by],
        metrics=[title(field) for field in metrics],
        rows=[_row(group, by, view) for group in shown],
        left_out=len(groups) - len(shown),
    )


def _usual_fields(store: Store, view: RunsView) -> list[Field]:
    some = store.search(view.condition, experiment=view.experiment or None, limit=SAMPLE, with_values=False)
    return default_fields(store, [run.id for run in some], all_experiments=False)


def _rank(group: Group) -> tuple[float, int]:
    mean = group.spreads[0].mean if group.spreads else math.nan
    return (math.inf if math.isnan(mean) else -mean, -group.runs)


def _row(group: Group, by: list[Field], view: RunsView) -> GroupRow:
    conditions = [_condition(field, value) for field, value in zip(by, group.values, strict=True)]
    before = [f"({view.condition})"] if view.condition else []
    return GroupRow(
        values=["none" if value is None else cell(value) for value in group.values],
        runs=group.runs,
        spreads=group.spreads,
        link=view.link(group="", filter=" and ".join([*before, *conditions])),
    )


def _condition(field: Field, value: Any) -> str:
    """Write the filter that finds the runs with a value."""
    name = write_field(field)
    if value is None or (isinstance(value, Param) and value.type == "null"):
        return f"{name} is null"
    if isinstance(value, float) and math.isnan(value):
        return f"{name} is nan"
    if isinstance(value, Param):
        plain = value.type in {"int", "float", "bool"}
        return f"{name} = {value.text.lower() if plain else quote(value.text)}"
    return f"{name} = {quote(value) if isinstance(value, str) else value}"
