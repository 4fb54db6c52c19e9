"""A backend that keeps runs in memory, for tests to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any, ClassVar

from autotrack.backends.base import BackendContext
from autotrack.errors import RunNotFoundError
from autotrack.records import (
    RUNNING,
    AnyRecord,
    ArtifactLogged,
    DatasetLogged,
    EvaluationLogged,
    MetricsLogged,
    ModelLogged,
    NoteLogged,
    ParamsLogged,
    Record,
    RunEnded,
    RunStarted,
    TagsSet,
)
from autotrack.values import from_param


@dataclass
class MemoryRun:
    """A run as its records describe it.

    Attributes:
        metrics: For each key the points `(step, value)` in the order they came.
        artifacts: Size of each file by path.
        evaluations: `Evaluation.to_dict()` by split.
    """

    id: str
    name: str = ""
    experiment: str = ""
    parent_id: str | None = None
    source: str = ""
    status: str = RUNNING
    error: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, int] = field(default_factory=dict)
    datasets: list[DatasetLogged] = field(default_factory=list)
    evaluations: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: list[ModelLogged] = field(default_factory=list)
    notes: list[NoteLogged] = field(default_factory=list)

    def last(self, key: str) -> float:
        """Return the last value of a metric."""
        return self.metrics[key][-1][1]


class MemoryBackend:
    """Keeps every record, and the runs they describe.

    `enable(to="memory://name")` writes to `MemoryBackend.named("name")`.

    Attributes:
        records: All records, in order, each once.
    """

    _named: ClassVar[dict[str, MemoryBackend]] = {}

    def __init__(self) -> None:
        self.records: list[AnyRecord] = []
        self._runs: dict[str, MemoryRun] = {}
        self._last: dict[str, int] = {}

    @classmethod
    def named(cls, name: str) -> MemoryBackend:
        """Return the backend behind `memory://name`."""
        return cls._named.setdefault(name, cls())

    @classmethod
    def shared(cls, url: str, context: BackendContext) -> MemoryBackend:
        """Open the backend behind a URL."""
        return cls.named(url.partition("://")[2])

    def clear(self) -> None:
        """Forget everything."""
        self.records.clear()
        self._runs.clear()
        self._last.clear()

    @property
    def runs(self) -> list[MemoryRun]:
        """All runs, oldest first."""
        return [self._runs[run_id] for run_id in sorted(self._runs)]

    @property
    def roots(self) -> list[MemoryRun]:
        """Runs without a parent, oldest first."""
        return [run for run in self.runs if run.parent_id is None]

    def run(self, run_id: str) -> MemoryRun:
        """Return one run.

        Raises:
            RunNotFoundError: No record spoke of it.
        """
        try:
            return self._runs[run_id]
        except KeyError:
            raise RunNotFoundError(f"no run {run_id}") from None

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Take records; one that was taken before is passed over."""
        for record in records:
            if record.seq > self._last.get(record.writer, -1):
                self._last[record.writer] = record.seq
                self.records.append(record)
                _apply(record, self._runs.setdefault(record.run_id, MemoryRun(record.run_id)))

    def flush(self) -> None:
        """Do nothing: memory is as durable as it gets."""

    def close(self) -> None:
        """Do nothing: tests look at it afterwards."""


@singledispatch
def _apply(record: Record, run: MemoryRun) -> None:
    raise TypeError(f"no rule for {type(record).__name__}")


@_apply.register
def _(record: RunStarted, run: MemoryRun) -> None:
    run.name, run.experiment, run.source = record.name, record.experiment, record.source
    run.parent_id = record.parent_id
    run.tags.update(record.tags)
    run.status = RUNNING


@_apply.register
def _(record: ParamsLogged, run: MemoryRun) -> None:
    run.params.update({key: from_param(value) for key, value in record.params.items()})


@_apply.register
def _(record: MetricsLogged, run: MemoryRun) -> None:
    for key, value in record.metrics.items():
        run.metrics.setdefault(key, []).append((record.step, value))


@_apply.register
def _(record: TagsSet, run: MemoryRun) -> None:
    for key, value in record.tags.items():
        if value is None:
            run.tags.pop(key, None)
        else:
            run.tags[key] = value


@_apply.register
def _(record: ArtifactLogged, run: MemoryRun) -> None:
    run.artifacts[record.path] = record.size


@_apply.register
def _(record: DatasetLogged, run: MemoryRun) -> None:
    run.datasets.append(record)


@_apply.register
def _(record: EvaluationLogged, run: MemoryRun) -> None:
    run.evaluations[record.split] = record.report


@_apply.register
def _(record: ModelLogged, run: MemoryRun) -> None:
    run.models.append(record)


@_apply.register
def _(record: NoteLogged, run: MemoryRun) -> None:
    run.notes.append(record)


@_apply.register
def _(record: RunEnded, run: MemoryRun) -> None:
    run.status, run.error = record.status, record.error
