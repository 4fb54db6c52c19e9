"""Fixtures and helpers for tests of the store: everything runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from postgres_cluster import new_database

from autotrack.backends import BackendContext
from autotrack.backends.sql import SqlBackend
from autotrack.records import AnyRecord, MetricsLogged, RunEnded, RunStarted
from autotrack.store import Store

_R = TypeVar("_R", bound=AnyRecord)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a store that does not exist yet."""
    if request.param == "sqlite":
        yield str(tmp_path / "home")
    else:
        with new_database() as url:
            yield url


@pytest.fixture
def context(tmp_path: Path) -> BackendContext:
    return BackendContext(home=tmp_path, artifacts=tmp_path / "artifacts")


@pytest.fixture
def backend(store_url: str, context: BackendContext) -> Iterator[SqlBackend]:
    backend = SqlBackend(store_url, context)
    yield backend
    backend.close()


@pytest.fixture
def store(backend: SqlBackend, store_url: str) -> Iterator[Store]:
    with Store.open(store_url) as store:
        yield store


class Writer:
    """Gives records the place that the reader of a journal would give them."""

    def __init__(self, run_id: str = "a" * 32, name: str | None = None) -> None:
        self.run_id = run_id
        self.name = name or f"writer-of-{run_id}"
        self._seqs = itertools.count()

    def place(self, record: _R) -> _R:
        return msgspec.structs.replace(record, run_id=self.run_id, writer=self.name, seq=next(self._seqs))

    def started(self, time: int = 1_000, **fields: Any) -> RunStarted:
        return self.place(RunStarted(time=time, **{"name": "amber-falcon-17", "experiment": "e", **fields}))

    def metrics(self, step: int = 0, time: int = 1_500, **metrics: float) -> MetricsLogged:
        return self.place(MetricsLogged(time=time, metrics=metrics, step=step))

    def ended(self, time: int = 2_000, status: str = "finished", error: str | None = None) -> RunEnded:
        return self.place(RunEnded(time=time, status=status, error=error))
