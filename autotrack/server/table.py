"""The table of runs: which columns it has, and what stands in its cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from autotrack.highlights import rank_metrics
from autotrack.records import Param
from autotrack.server.address import RunsView, read_fields, title, write_field, write_order
from autotrack.server.templating import ago, cell, moment
from autotrack.store.browsing import KeyCount, count_children, count_keys, metric_keys, read_cells, read_data_names
from autotrack.store.filters import parse_order
from autotrack.store.filters.fields import type_of
from autotrack.store.filters.syntax import Field, Ordering
from autotrack.store.rows import RunRow
from autotrack.words import seconds

if TYPE_CHECKING:
    from autotrack.store.store import Store

DEFAULT_METRICS = 5
DEFAULT_COURSES = 2
COUNTERS = frozenset({"epoch", "step"})
DEFAULT_PARAMS = 4
SPARK_CANDIDATES = 6
EXPERIMENT, STARTED, DURATION = (Field("attribute", name) for name in ("experiment", "start_time", "duration"))
MODEL = Field("tag", "estimator_name")
_TITLES = {STARTED: "started", MODEL: "model"}


class Column(msgspec.Struct, frozen=True):
    """A column with its head.

    Attributes:
        field: In the filter language.
        sorted: "ascending", "descending" or "none".
        link: Where a click on the head leads.
        numeric: Whether it stands to the right.
    """

    field: str
    title: str
    kind: str
    sorted: str
    link: str
    numeric: bool


class Cell(msgspec.Struct, frozen=True):
    """What stands in a cell, the whole of it for a hint, and its time where it is one."""

    text: str
    hint: str = ""
    time: str = ""


class Row(msgspec.Struct, frozen=True):
    """A run in the table, and how deep below another one."""

    run: RunRow
    cells: list[Cell]
    children: int
    depth: int
    data: list[tuple[str, str]]


class Table(msgspec.Struct, frozen=True):
    """A page of the table.

    Attributes:
        spark: The metric whose course is drawn, if any run has more than one point of it.
        total: How many runs the whole table has.
    """

    columns: list[Column]
    rows: list[Row]
    fields: list[Field]
    spark: str
    has_data: bool
    total: int


def read_table(store: Store, view: RunsView) -> Table:
    """Read the page of the table that a view shows.

    Raises:
        FilterError: Something in the view cannot be read.
    """
    found = _find(store, view)
    fields = read_fields(view.columns) or _usual_fields(store, [run for run, _ in found.runs], view)
    data = read_data_names(store, found.ids) if not view.columns else {}
    table = _fill(store, view, found, fields, data)
    spark, total = _spark(store, found.ids, fields), store.count(view.condition, **_where(view))
    return msgspec.structs.replace(table, spark=spark, total=total)


def read_more(store: Store, view: RunsView, fields: list[Field], spark: str, *, with_data: bool) -> Table:
    """Read another page for a table whose columns are known.

    Raises:
        FilterError: Something in the view cannot be read.
    """
    found = _find(store, view)
    table = _fill(store, view, found, fields, read_data_names(store, found.ids) if with_data else {})
    return msgspec.structs.replace(table, spark=spark, has_data=with_data)


def _where(view: RunsView) -> dict[str, Any]:
    return {"experiment": view.experiment or None, "deleted": view.deleted}


class _Found(msgspec.Struct, frozen=True):
    """The runs of a page with their depth, and how many are below which."""

    runs: list[tuple[RunRow, int]]
    below: dict[str, int]

    @property
    def ids(self) -> list[str]:
        return [run.id for run, _ in self.runs]


def _find(store: Store, view: RunsView) -> _Found:
    page: dict[str, Any] = {"limit": view.size, "offset": (view.page - 1) * view.size, "with_values": False}
    found = store.search(view.condition, order_by=view.sort or None, **page, **_where(view))
    below = {} if view.deleted else count_children(store, [run.id for run in found])
    return _Found(list(_with_children(store, found, view, below)), below)


def _fill(
    store: Store, view: RunsView, found: _Found, fields: list[Field], data: dict[str, list[tuple[str, str]]]
) -> Table:
    """Make the rows of some runs, and the columns that stand over them."""
    cells = read_cells(store, found.ids, fields)
    rows = [
        Row(
            run,
            [make_cell(field, column.get(run.id)) for field, column in zip(fields, cells, strict=True)],
            found.below.get(run.id, 0) if not depth else 0,
            depth,
            data.get(run.id, []),
        )
        for run, depth in found.runs
    ]
    columns = [_column(field, view, column.values()) for field, column in zip(fields, cells, strict=True)]
    return Table(columns, rows, fields, spark="", has_data=bool(data), total=0)


def _usual_fields(store: Store, runs: Sequence[RunRow], view: RunsView) -> list[Field]:
    """Choose the columns of some runs, among them the score of child runs, which their parents need not have."""
    fields = default_fields(store, [run.id for run in runs], all_experiments=not view.experiment)
    below = [run.id for run in runs if run.parent_id]
    score = [Field("metric", key) for key in rank_metrics([metric_keys(store, below)])[:1]] if below else []
    at = next((at for at, field in enumerate(fields) if field.kind == "metric"), len(fields) - 1)
    return [*fields[:at], *(field for field in score if field not in fields), *fields[at:]]


def default_fields(store: Store, run_ids: Sequence[str], *, all_experiments: bool) -> list[Field]:
    """Choose the columns that tell most about some runs: the leading metrics, and the params in which they differ."""
    counts = count_keys(store, run_ids)
    metrics = _leading_metrics([count for count in counts if count.kind == "metric"])
    differing = [count for count in counts if count.kind == "param" and (count.values or 0) > 1]
    params = sorted(differing, key=lambda count: (-(count.values or 0), -count.runs, count.key))[:DEFAULT_PARAMS]
    has_model = any(count.kind == "tag" and count.key == MODEL.key for count in counts)
    return [
        *([EXPERIMENT] if all_experiments else []),
        STARTED,
        *(Field("metric", key) for key in metrics),
        *(Field("param", count.key) for count in params),
        *([MODEL] if has_model else []),
        DURATION,
    ]


def _leading_metrics(counts: Sequence[KeyCount]) -> list[str]:
    """Choose the metrics that tell most, among them some that have a course."""
    ranked = rank_metrics([[count.key for count in counts]])
    several = {count.key for count in counts if (count.values or 0) > 1 and count.key not in COUNTERS}
    courses = [key for key in ranked if key in several][:DEFAULT_COURSES]
    others = [key for key in ranked if key not in courses and key not in COUNTERS][: DEFAULT_METRICS - len(courses)]
    return [key for key in ranked if key in {*courses, *others}]


def make_cell(field: Field, value: Any) -> Cell:
    """Return a value as it stands in the table."""
    if value is None:
        return Cell("")
    if field.kind == "attribute" and field.key.endswith("_time"):
        return Cell(ago(value), time=moment(value))
    if field == DURATION:
        return Cell(seconds(value), f"{value} s")
    whole = value.text if isinstance(value, Param) else str(value)
    text = cell(value)
    return Cell(text if len(text) <= 200 else f"{text[:200]}…", whole[:2000] if whole != text else "")


def _with_children(store: Store, runs: list[RunRow], view: RunsView, below: dict[str, int]) -> Any:
    for run in runs:
        yield run, 0
        if run.id in view.open and below.get(run.id):
            for child in store.children(run.id, with_values=False)[: view.size]:
                yield child, 1


def _column(field: Field, view: RunsView, values: Any) -> Column:
    terms = parse_order(view.sort)
    first = terms[0] if terms and terms[0].field == field else None
    kind = type_of(field)
    numbers = all(value.type in {"int", "float"} for value in values if value is not None) if kind == "any" else False
    return Column(
        field=write_field(field),
        title=_TITLES.get(field) or title(field),
        kind=field.kind,
        sorted="none" if first is None else "descending" if first.descending else "ascending",
        link=view.link(sort=_next_order(field, first)),
        numeric=kind == "number" or numbers,
    )


def _next_order(field: Field, current: Ordering | None) -> str:
    """Return the order that a click on a head asks for: first falling, then rising, then none."""
    if current is None:
        return write_order([Ordering(field, descending=True)])
    return write_order([Ordering(field, descending=False)]) if current.descending else ""


def _spark(store: Store, run_ids: Sequence[str], fields: Sequence[Field]) -> str:
    """Choose the metric to draw: of the columns whose longest course is the longest of all, the first."""
    metrics = [field.key for field in fields if field.kind == "metric"][:SPARK_CANDIDATES]
    counts = read_cells(store, run_ids, [Field("metric", key, "count") for key in metrics])
    longest = [max(map(_number, column.values()), default=0.0) for column in counts]
    return metrics[longest.index(max(longest))] if max(longest, default=0.0) > 1 else ""


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
