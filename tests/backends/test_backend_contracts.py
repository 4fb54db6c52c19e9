"""Our own backends pass the contract that third parties test theirs with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import ClassVar

import pytest
from postgres_cluster import new_database

from autotrack.backends import open_backend
from autotrack.backends.base import Backend, BackendContext
from autotrack.store import Store
from autotrack.testing import BackendContract, MemoryBackend, MemoryRun
from autotrack.values import from_param


class TestMemory(BackendContract):
    @pytest.fixture(autouse=True)
    def name(self) -> None:
        self.shared = os.urandom(4).hex()

    def open(self, context: BackendContext) -> Backend:
        return open_backend(f"memory://{self.shared}", context)

    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        import copy

        return copy.deepcopy(MemoryBackend.named(self.shared).run(run_id))


class TestSqlite(BackendContract):
    url: ClassVar[str] = ""

    def where(self, context: BackendContext) -> str:
        return self.url or f"sqlite:///{context.home}/store.db"

    def open(self, context: BackendContext) -> Backend:
        return open_backend(self.where(context), context)

    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        with Store.open(self.where(context)) as store:
            row = store.find_run(run_id)
            histories = {key: store.metric_history(run_id, key) for key in row.metrics}
            return MemoryRun(
                id=row.id,
                name=row.name,
                experiment=row.experiment,
                status=row.status,
                params={key: from_param(value) for key, value in row.params.items()},
                metrics={
                    key: [(int(step), float(value)) for step, value in zip(points.steps, points.values, strict=True)]
                    for key, points in histories.items()
                },
                tags=dict(row.tags),
                artifacts={artifact.path: artifact.size for artifact in store.artifacts(run_id)},
            )


class TestPostgres(TestSqlite):
    @pytest.fixture(autouse=True)
    def database(self) -> Iterator[None]:
        with new_database() as url:
            type(self).url = url
            yield
