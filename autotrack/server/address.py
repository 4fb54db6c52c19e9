"""The view of the table of runs that an address describes: all of it, so that a link shows what its sender saw."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from autotrack.store.filters import parse_order
from autotrack.store.filters.syntax import Field, Ordering

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

SIZES = (25, 50, 100, 250, 500)
MAX_COLUMNS = 300
MAX_OPEN = 50
MAX_SELECTED = 1_000
_PREFIXES = {"metric": "metrics", "param": "params", "tag": "tags"}
_PLAIN_KEY = re.compile(r"[\w/@:.-]+")


class RunsView(msgspec.Struct, frozen=True):
    """What of the runs is shown, and how.

    Attributes:
        experiment: Only this one; all where it is empty.
        filter: In the filter language.
        sort: Such as `metrics.val_acc desc`.
        columns: Fields such as `metrics.loss, params.C`; the ones that tell most where it is empty.
        group: Fields to group by.
        open: Runs whose child runs are shown.
        nested: Child runs are shown among the others.
        deleted: The trash is shown.
        page: From 1.
        size: Rows on a page.
    """

    experiment: str = ""
    filter: str = ""
    sort: str = ""
    columns: str = ""
    group: str = ""
    open: tuple[str, ...] = ()
    nested: bool = False
    deleted: bool = False
    page: int = 1
    size: int = 100

    def query(self, **changes: Any) -> str:
        """Return the query of the address of this view, or of one that differs in something."""
        view = msgspec.structs.replace(self, **changes)
        pairs = [(name, getattr(view, name)) for name in self.__struct_fields__]
        shown = [(name, value) for name, value in pairs if value != getattr(_DEFAULT, name)]
        return urlencode([(name, _text(value)) for name, value in shown])

    def link(self, **changes: Any) -> str:
        """Return the address of a view that differs in something, on its first page unless that is what differs."""
        query = self.query(**{"page": 1, **changes})
        return f"/?{query}" if query else "/"

    @property
    def condition(self) -> str | None:
        """The filter in force: child runs stay below their parents unless a filter or a wish brings them up."""
        return self.filter or (None if self.nested or self.deleted else "parent is null")

    def toggled(self, run_id: str) -> str:
        """Return the address with the child runs of a run shown, or hidden again."""
        kept = tuple(run for run in self.open if run != run_id)
        return self.link(open=kept if run_id in self.open else (*self.open, run_id)[-MAX_OPEN:], page=self.page)


_DEFAULT = RunsView()


def read_view(params: QueryParams) -> RunsView:
    """Read the view from the query of an address; what cannot be read is left at its default."""
    size = _number(params.get("size"), _DEFAULT.size)
    return RunsView(
        experiment=params.get("experiment", ""),
        filter=params.get("filter", "").strip(),
        sort=params.get("sort", ""),
        columns=params.get("columns", ""),
        group=params.get("group", ""),
        open=tuple(run for run in params.get("open", "").split(",") if run)[:MAX_OPEN],
        nested=params.get("nested") == "1",
        deleted=params.get("deleted") == "1",
        page=max(_number(params.get("page"), 1), 1),
        size=size if size in SIZES else _DEFAULT.size,
    )


def read_fields(text: str) -> list[Field]:
    """Read fields separated by commas.

    Raises:
        FilterError: They cannot be read.
    """
    return list(dict.fromkeys(term.field for term in parse_order(text)))[:MAX_COLUMNS]


def write_field(field: Field) -> str:
    """Write a field in the filter language."""
    if field.kind == "attribute":
        return field.key
    key = field.key if _PLAIN_KEY.fullmatch(field.key) else quote(field.key)
    text = f"{_PREFIXES[field.kind]}.{key}"
    return text if field.statistic == "last" else f"{field.statistic}({text})"


def write_fields(fields: list[Field]) -> str:
    """Write fields as `read_fields` reads them."""
    return ",".join(map(write_field, fields))


def write_order(terms: list[Ordering]) -> str:
    """Write an order."""
    return ", ".join(f"{write_field(term.field)}{' desc' if term.descending else ''}" for term in terms)


def quote(text: str) -> str:
    """Write a text of the filter language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'


def title(field: Field) -> str:
    """Return what stands over a column."""
    return field.key if field.statistic == "last" else f"{field.statistic} {field.key}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,6}", text) else otherwise
