"""Find runs and read their values: a constant number of queries whatever the number of runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, bindparam, func, or_, select, type_coerce
from sqlalchemy.exc import DataError
from sqlalchemy.types import NullType

from autotrack.errors import FilterError, RunNotFoundError
from autotrack.records import Param
from autotrack.store.columns import decode_text
from autotrack.store.filters import compile_filter, compile_order, parse_filter, parse_order
from autotrack.store.rows import ExperimentRow, RunRow
from autotrack.store.schema import experiment, param, run, series, tag

RUNS_AT_ONCE = 10_000
"""Values are read for this many runs in one query."""

_AMBIGUOUS = 10
_LATEST = "@last"
_FETCH = 10_000
_IDS: Any = bindparam(
    "ids", expanding=True, literal_execute=True
)  # small integers of our own: no limit on their number


def _select_values(table: Table, *names: str) -> Select[Any]:
    """Select columns as the driver gives them: a page has tens of thousands, and types convert them one at a time."""
    plain = (type_coerce(table.c[name], NullType()) for name in names)
    return select(table.c.run_id, *plain).where(table.c.run_id.in_(_IDS))


_PARAMS = _select_values(param, "key", "text", "type", "size", "sha256")
_TAGS = _select_values(tag, "key", "value")
_METRICS = _select_values(series, "key", "last")
_RUNS: Select[Any] = select(
    run.c.id,
    run.c.uid,
    run.c.name,
    experiment.c.name.label("experiment"),
    run.c.status,
    run.c.parent_uid,
    run.c.source,
    run.c.start_time,
    run.c.end_time,
    run.c.error,
    run.c.deleted_at,
).join_from(run, experiment)
NAN = float("nan")


class Search(msgspec.Struct, frozen=True):
    """Which runs are wanted; see `Store.search`."""

    filter: str | None = None
    experiment: str | None = None
    deleted: bool = False


def search_runs(
    connection: Connection,
    search: Search,
    *,
    order_by: str | None,
    limit: int | None,
    offset: int,
    with_values: bool,
) -> list[RunRow]:
    """Read a page of runs."""
    statement = _RUNS.where(*search_conditions(search)).offset(offset or None).limit(limit)
    with pattern_errors(search.filter):
        rows = connection.execute(compile_order(statement, parse_order(order_by or ""))).all()
    return run_rows(connection, rows, with_values=with_values)


def count_runs(connection: Connection, search: Search) -> int:
    """Count runs."""
    statement = select(func.count()).select_from(run.join(experiment)).where(*search_conditions(search))
    with pattern_errors(search.filter):
        return connection.scalar(statement) or 0


def find_run(connection: Connection, reference: str) -> RunRow:
    """Read the run that an id, the beginning of one, a name or `@last` stands for.

    Raises:
        RunNotFoundError: There is none, or more than one.
    """
    rows = _candidates(connection, reference)
    if len(rows) == 1:
        return run_rows(connection, rows, with_values=True)[0]
    if not rows:
        raise RunNotFoundError("there is no run yet" if reference == _LATEST else f"no run {reference!r}")
    names = "\n".join(f"  {row.uid}  {row.name}  ({row.experiment})" for row in rows[:_AMBIGUOUS])
    more = "\n  ..." if len(rows) > _AMBIGUOUS else ""
    raise RunNotFoundError(f"{reference!r} stands for more than one run:\n{names}{more}")


def get_run(connection: Connection, run_id: str) -> RunRow:
    """Read the run of an id.

    Raises:
        RunNotFoundError: There is none.
    """
    found = connection.execute(_RUNS.where(run.c.uid == run_id)).all()
    if not found:
        raise RunNotFoundError(f"no run {run_id!r}")
    return run_rows(connection, found, with_values=True)[0]


def row_id(connection: Connection, run_id: str) -> int:
    """Find the row of a run.

    Raises:
        RunNotFoundError: There is none.
    """
    found = connection.scalar(select(run.c.id).where(run.c.uid == run_id))
    if found is None:
        raise RunNotFoundError(f"no run {run_id!r}")
    return int(found)


def children_of(connection: Connection, run_id: str, *, with_values: bool) -> list[RunRow]:
    """Read the runs below a run, in the order in which they started, deleted ones left out."""
    below = _RUNS.where(run.c.parent_uid == run_id, run.c.deleted_at.is_(None)).order_by(run.c.start_time, run.c.id)
    return run_rows(connection, connection.execute(below).all(), with_values=with_values)


def run_rows(connection: Connection, rows: Iterable[Row[Any]], *, with_values: bool) -> list[RunRow]:
    """Make results of rows of `_RUNS`."""
    runs = {row.id: _run_row(row) for row in rows}
    ids = list(runs) if with_values else []
    for start in range(0, len(ids), RUNS_AT_ONCE):
        _fill(connection, runs, ids[start : start + RUNS_AT_ONCE])
    return list(runs.values())


def _run_row(row: Row[Any]) -> RunRow:
    columns = row._asdict()
    del columns["id"]
    uid, parent_id = columns.pop("uid"), columns.pop("parent_uid")
    return RunRow(id=uid, parent_id=parent_id, params={}, metrics={}, tags={}, **columns)


def _fill(connection: Connection, runs: dict[int, RunRow], ids: list[int]) -> None:
    for run_id, key, text, kind, size, sha256 in _values(connection, _PARAMS, ids):
        runs[run_id].params[decode_text(key)] = Param(decode_text(text), kind, size, sha256)
    for run_id, key, last in _values(connection, _METRICS, ids):
        runs[run_id].metrics[decode_text(key)] = NAN if last is None else last
    for run_id, key, value in _values(connection, _TAGS, ids):
        runs[run_id].tags[decode_text(key)] = decode_text(value)


def _values(connection: Connection, statement: Select[Any], ids: list[int]) -> Iterator[Any]:
    for part in connection.execute(statement, {"ids": ids}).partitions(_FETCH):
        yield from part


def search_conditions(search: Search) -> list[ColumnElement[bool]]:
    """Give the conditions of a search over `run` joined with `experiment`."""
    conditions: list[ColumnElement[bool]] = [
        run.c.deleted_at.is_not(None) if search.deleted else run.c.deleted_at.is_(None)
    ]
    if search.experiment is not None:
        conditions.append(experiment.c.name == search.experiment)
    if search.filter is not None:
        conditions.append(compile_filter(parse_filter(search.filter)))
    return conditions


@contextmanager
def pattern_errors(filter: str | None) -> Iterator[None]:  # noqa: A002 - the word users know
    """Turn the complaint of PostgreSQL about a pattern that Python could read into one about the filter."""
    try:
        yield
    except DataError as error:
        raise FilterError(f"the database refuses this filter: {error.orig}", filter or "", 0) from error


def _candidates(connection: Connection, reference: str) -> list[Row[Any]]:
    if reference == _LATEST:
        latest = _RUNS.where(run.c.deleted_at.is_(None), run.c.parent_uid.is_(None)).order_by(
            run.c.start_time.desc(), run.c.id.desc()
        )
        return list(connection.execute(latest.limit(1)).all())
    exact = connection.execute(_RUNS.where(run.c.uid == reference)).all()
    if exact or not reference:
        return list(exact)
    similar = or_(run.c.uid.startswith(reference, autoescape=True), run.c.name == reference)
    return list(connection.execute(_RUNS.where(similar).order_by(run.c.start_time.desc()).limit(_AMBIGUOUS + 1)).all())


def read_experiments(connection: Connection) -> list[ExperimentRow]:
    """Read all experiments, by name, with what live runs they have."""
    live = and_(run.c.experiment_id == experiment.c.id, run.c.deleted_at.is_(None))
    statement = (
        select(experiment.c.name, func.count(run.c.id), func.max(run.c.start_time))
        .join_from(experiment, run, live, isouter=True)
        .group_by(experiment.c.name)
        .order_by(experiment.c.name)
    )
    return [ExperimentRow(*row) for row in connection.execute(statement)]
