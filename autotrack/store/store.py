"""Read a store: search runs, read their values and points, delete and restore them. Writing is `backends/sql.py`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Engine, Table, delete, select, update

from autotrack.store import queries, rows, schema
from autotrack.store.engine import open_engine
from autotrack.store.health import find_problems
from autotrack.store.summaries import read_summaries
from autotrack.store.transactions import Transactions

if TYPE_CHECKING:
    from autotrack.store.chunks import Points

_R = TypeVar("_R")


class Store(Transactions):
    """The runs of a team or a directory. Safe to share between threads.

    Example:
        >>> with Store.open(".autotrack") as store:  # doctest: +SKIP
        ...     for run in store.search("metrics.val_acc > 0.9", order_by="metrics.val_acc desc", limit=10):
        ...         print(run.name, run.metrics["val_acc"])
    """

    @classmethod
    def open(
        cls,
        url: str | os.PathLike[str],
        *,
        create: bool = True,
        upgrade: bool = True,
        query_seconds: float | None = None,
    ) -> Store:
        """Open a store.

        Args:
            url: A directory, a `.db` file, `sqlite:///path` or `postgresql://user@host/name`.
            create: Create or upgrade it where needed; else it is opened for reading only.
            upgrade: Bring one of an older autotrack up to date; else it is refused.
            query_seconds: Give up a transaction that takes longer.

        Raises:
            StoreUnavailableError: It cannot be opened, or does not exist and `create` is False.
            NewerSchemaError: A newer autotrack wrote it.
            OlderSchemaError: An older autotrack wrote it, and `create` or `upgrade` is False.
        """
        return cls(open_engine(url, read_only=not create, upgrade=upgrade, query_seconds=query_seconds))

    def __enter__(self) -> Store:  # noqa: PYI034 - nobody subclasses it
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def search(
        self,
        filter: str | None = None,  # noqa: A002 - the word users know
        *,
        experiment: str | None = None,
        order_by: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        deleted: bool = False,
        with_values: bool = True,
    ) -> list[rows.RunRow]:
        """Find runs.

        Args:
            filter: Such as `metrics.val_acc > 0.9 and tags.team = "x"`; see `autotrack.store.filters`.
            experiment: Only runs of this experiment.
            order_by: Such as `metrics.val_acc desc, start_time`; by default the latest first.
            limit: At most this many.
            offset: Leave the first ones out.
            deleted: Find deleted runs instead of the others.
            with_values: Read params, metrics and tags too.

        Raises:
            FilterError: `filter` or `order_by` cannot be read.
        """
        search = queries.Search(filter, experiment, deleted)
        with self.reading() as connection:
            return queries.search_runs(
                connection, search, order_by=order_by, limit=limit, offset=offset, with_values=with_values
            )

    def count(self, filter: str | None = None, *, experiment: str | None = None, deleted: bool = False) -> int:  # noqa: A002
        """Count the runs that `search` would find."""
        with self.reading() as connection:
            return queries.count_runs(connection, queries.Search(filter, experiment, deleted))

    def find_run(self, reference: str) -> rows.RunRow:
        """Find the run that an id, the beginning of one, a name or `@last` stands for; deleted ones too.

        Raises:
            RunNotFoundError: There is none, or more than one.
        """
        with self.reading() as connection:
            return queries.find_run(connection, reference)

    def get_run(self, run_id: str) -> rows.RunRow:
        """Read the run of an id, a whole one; deleted ones too.

        Raises:
            RunNotFoundError: There is none.
        """
        with self.reading() as connection:
            return queries.get_run(connection, run_id)

    def children(self, run_id: str, *, with_values: bool = True) -> list[rows.RunRow]:
        """Read the runs below a run, in the order in which they started."""
        with self.reading() as connection:
            return queries.children_of(connection, run_id, with_values=with_values)

    def experiments(self) -> list[rows.ExperimentRow]:
        """Read all experiments, by name."""
        with self.reading() as connection:
            return queries.read_experiments(connection)

    def metric_history(self, run_id: str, key: str) -> Points:
        """Read all points of a metric: `steps, values, times`, by step, those of equal step as they were logged.

        Raises:
            RunNotFoundError: There is no such run. A run without the metric gives empty arrays.
        """
        from autotrack.store import points  # numpy, which searching does not need

        with self.reading() as connection:
            return points.read_history(connection, queries.row_id(connection, run_id), key)

    def downsample(self, run_id: str, key: str, count: int = 1000, steps: tuple[int, int] | None = None) -> Points:
        """Read at most `count` points that show a metric; its least and greatest value are among them.

        Args:
            run_id: The run.
            key: The metric.
            count: At least 4.
            steps: Only points from the first to the second step, both included.

        Raises:
            RunNotFoundError: There is no such run.
            ValueError: `count` is less than 4.
        """
        from autotrack.store import points

        with self.reading() as connection:
            return points.read_downsampled(connection, queries.row_id(connection, run_id), key, count, steps)

    def metric_summary(self, run_id: str, key: str) -> rows.MetricSummary | None:
        """Read count, last, extremes and sum of one metric; None where the run does not have it.

        Raises:
            RunNotFoundError: There is no such run.
        """
        with self.reading() as connection:
            return read_summaries(connection, queries.row_id(connection, run_id), key).get(key)

    def metric_summaries(self, run_id: str) -> dict[str, rows.MetricSummary]:
        """Read count, last, extremes and sum of each metric of a run."""
        with self.reading() as connection:
            return read_summaries(connection, queries.row_id(connection, run_id))

    def artifacts(self, run_id: str) -> list[rows.ArtifactRow]:
        """Read the files of a run, by path."""
        return self._rows_of(run_id, schema.artifact, rows.ArtifactRow, "path")

    def datasets(self, run_id: str) -> list[rows.DatasetRow]:
        """Read the data that went into a run, as they were logged."""
        return self._rows_of(run_id, schema.dataset, rows.DatasetRow, "time")

    def evaluations(self, run_id: str) -> list[rows.EvaluationRow]:
        """Read the evaluations of a run, as they were logged."""
        return self._rows_of(run_id, schema.evaluation, rows.EvaluationRow, "id")

    def models(self, run_id: str) -> list[rows.ModelRow]:
        """Read the models of a run, as they were logged."""
        return self._rows_of(run_id, schema.model, rows.ModelRow, "time")

    def notes(self, run_id: str) -> list[rows.NoteRow]:
        """Read the notes of a run, as they were logged."""
        return self._rows_of(run_id, schema.note, rows.NoteRow, "id")

    def delete_run(self, run_id: str) -> None:
        """Hide a run; `restore_run` brings it back.

        Raises:
            RunNotFoundError: There is no such run.
        """
        self._set_deleted(run_id, time.time_ns())

    def restore_run(self, run_id: str) -> None:
        """Bring a deleted run back.

        Raises:
            RunNotFoundError: There is no such run.
        """
        self._set_deleted(run_id, None)

    def purge(self, run_id: str) -> None:
        """Remove a run and all its rows for good. Its artifact files are not touched.

        Raises:
            RunNotFoundError: There is no such run.
        """
        with self.writing() as connection:
            connection.execute(delete(schema.run).where(schema.run.c.id == queries.row_id(connection, run_id)))

    def check(self) -> list[str]:
        """List what is wrong with the store: an empty list means that it is sound."""
        with self.reading() as connection:
            return find_problems(connection)

    def within(self, connection: Connection) -> Store:
        """Give the store to functions that begin transactions: theirs are parts of one that has begun."""
        return _Within(self._engine, connection)

    def _rows_of(self, run_id: str, table: Table, row_type: type[_R], order: str) -> list[_R]:
        columns = [table.c[name] for name in row_type.__struct_fields__]  # type: ignore[attr-defined]
        with self.reading() as connection:
            here = table.c.run_id == queries.row_id(connection, run_id)
            return [row_type(*row) for row in connection.execute(select(*columns).where(here).order_by(table.c[order]))]

    def _set_deleted(self, run_id: str, deleted_at: int | None) -> None:
        with self.writing() as connection:
            row = queries.row_id(connection, run_id)
            connection.execute(update(schema.run).where(schema.run.c.id == row).values(deleted_at=deleted_at))


class _Within(Store):
    """A store within a transaction, which others begin and end."""

    def __init__(self, engine: Engine, connection: Connection) -> None:
        super().__init__(engine)
        self._connection = connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give the transaction."""
        yield self._connection

    writing = reading
