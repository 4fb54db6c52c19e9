"""Turn the tree of a filter into SQLAlchemy expressions with bound values, over a `Subject`: mostly runs.

Every expression is true or false, never NULL, so that `not` is simply the opposite. Conditions on values are
`run.id IN (SELECT run_id ...)`: the inner query runs once, along an index that begins with the key.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Double,
    FromClause,
    Select,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from autotrack.store.filters.syntax import And, Field, Node, Not, Or, Ordering, Predicate, Span, Value
from autotrack.store.patterns import like_to_regex
from autotrack.store.schema import experiment, param, run, series, tag

_Condition = ColumnElement[bool]
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ATTRIBUTE_COLUMNS: dict[str, ColumnElement[Any]] = {
    "name": run.c.name,
    "id": run.c.uid,
    "status": run.c.status,
    "experiment": experiment.c.name,
    "parent": run.c.parent_uid,
    "source": run.c.source,
    "start_time": run.c.start_time,
    "end_time": run.c.end_time,
    "duration": (run.c.end_time - run.c.start_time) / literal(1e9, Double()),
}
"""The columns of `run` joined with `experiment` that hold the attributes of a run."""


class Holder(NamedTuple):
    """Where values lie of which one row has several.

    Attributes:
        row: The id of the row, never NULL.
        table: Has a line for each value.
        owner: Name of the column with the id of the row it belongs to.
    """

    row: ColumnElement[int]
    table: FromClause
    owner: str


class Subject(NamedTuple):
    """The rows that a filter chooses from.

    Attributes:
        attributes: The column of each attribute.
        holders: Where the rest lies, by kind ("metric", "param", "tag") or name of the attribute.
        order: How rows are sorted that no other order tells apart.
    """

    attributes: Mapping[str, ColumnElement[Any]]
    holders: Mapping[str, Holder]
    order: tuple[ColumnElement[Any], ...]


RUNS = Subject(
    ATTRIBUTE_COLUMNS,
    {kind: Holder(run.c.id, table, "run_id") for kind, table in (("metric", series), ("param", param), ("tag", tag))},
    (run.c.start_time.desc(), run.c.id.desc()),
)


def compile_filter(node: Node | None, subject: Subject = RUNS) -> _Condition:
    """Give the condition that a row must meet."""
    match node:
        case None:
            return true()
        case And(parts):
            return and_(*(compile_filter(part, subject) for part in parts))
        case Or(parts):
            return or_(*(compile_filter(part, subject) for part in parts))
        case Not(part):
            return not_(compile_filter(part, subject))
        case Predicate():
            return _predicate(node, subject)


def compile_order(statement: Select[Any], terms: list[Ordering], subject: Subject = RUNS) -> Select[Any]:
    """Sort rows by some fields, then in the order of the subject: runs the latest first.

    Rows without a field come last whichever way it is sorted, just before them those where it is NaN. Parameters that
    are numbers come before those that are not.
    """
    for number, term in enumerate(terms):
        if term.field.kind == "attribute":
            columns: tuple[ColumnElement[Any], ...] = (subject.attributes[term.field.key],)
        else:
            holder = subject.holders[term.field.kind]
            table = holder.table.alias(f"order_{number}")
            here = and_(table.c[holder.owner] == holder.row, table.c.key == term.field.key)
            statement = statement.join(table, here, isouter=True).order_by(table.c[holder.owner].is_(None))
            columns = _sort_columns(term.field, table)
        for column in columns:
            statement = statement.order_by(column.is_(None), column.desc() if term.descending else column.asc())
    return statement.order_by(*subject.order)


def _predicate(node: Predicate, subject: Subject) -> _Condition:
    field = node.field
    if field.kind == "attribute" and field.key in subject.attributes:
        attribute = subject.attributes[field.key]
        return and_(attribute.is_not(None), _signed(node, lambda _: attribute))
    holder = subject.holders[field.key if field.kind == "attribute" else field.kind]
    values = select(holder.table.c[holder.owner]).where(_signed(node, _column(field, holder.table)))
    if field.kind != "attribute":
        values = values.where(holder.table.c.key == field.key)
    return holder.row.in_(values)


def _signed(node: Predicate, column: Callable[[Value | None], ColumnElement[Any]]) -> _Condition:
    condition = _condition(node, column)
    return not_(func.coalesce(condition, false())) if node.negated else condition


def _column(field: Field, table: FromClause) -> Callable[[Value | None], ColumnElement[Any]]:
    """Give, for a value, the column to compare with it: parameters have one for numbers and one for texts."""
    if field.kind == "metric":
        return lambda _: statistic_column(field.statistic, table)
    if field.kind != "param":
        return lambda _: table.c["value" if field.kind == "tag" else field.key]
    return lambda value: table.c.text if isinstance(value, str) else table.c.num


def _condition(node: Predicate, column: Callable[[Value | None], ColumnElement[Any]]) -> _Condition:
    values = node.values
    match node.operator:
        case "exists":
            return param.c.type != "null" if node.field.kind == "param" else true()
        case "nan":
            return column(None).is_(None)
        case "in":
            return or_(*(_compare(column(value), "=", value) for value in values))
        case "between":
            low, high = values
            return and_(_compare(column(low), ">=", low), _compare(column(high), "<=", high))
    return _compare(column(values[0]), node.operator, values[0])


def _compare(column: ColumnElement[Any], sign: str, value: Value) -> _Condition:
    if isinstance(value, Span):
        return _compare_time(column, sign, value)
    if isinstance(value, bool):
        return and_(param.c.type == "bool", column == float(value))
    if isinstance(value, str) and sign not in _COMPARE:
        pattern = value if sign == "~" else like_to_regex(value, ignore_case=sign == "ilike")
        return column.regexp_match(pattern)
    bound = literal(value, Double()) if isinstance(value, float) else value
    return _COMPARE[sign](column, bound)  # type: ignore[no-any-return]


def _compare_time(column: ColumnElement[Any], sign: str, span: Span) -> _Condition:
    if sign == "=":
        return and_(column >= span.start, column < span.end)
    edge = span.start if sign in {"<", ">="} else span.end
    return column < edge if sign in {"<", "<="} else column >= edge


def _sort_columns(field: Field, table: FromClause) -> tuple[ColumnElement[Any], ...]:
    if field.kind == "metric":
        return (statistic_column(field.statistic, table),)
    return (table.c.value,) if field.kind == "tag" else (table.c.num, table.c.text)


def statistic_column(name: str, table: FromClause) -> ColumnElement[Any]:
    """Give a number of a series: its last value, least, greatest, mean or count."""
    if name == "mean":
        return table.c.sum / func.nullif(table.c.n - table.c.nans, 0)
    return table.c.n if name == "count" else table.c[name]
