"""Tell a stored run again: its records are made from the store and written to another backend.

Telling a run twice writes nothing twice, and telling it again after it has grown writes what is new: the names of the
writers follow from the run. What only grows (points, evaluations, notes) is numbered in order; all the rest, where a
later record replaces an earlier one, comes from a writer named after its content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

import msgspec
import numpy as np

from autotrack.backends.base import Backend
from autotrack.journal_reader import place
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
    RunEnded,
    RunStarted,
    TagsSet,
)
from autotrack.store.rows import RunRow
from autotrack.store.store import Store

BATCH = 5_000

Progress = Callable[[int, int], None]
"""Called with records written and records in all."""


def replay(store: Store, run_id: str, backend: Backend, progress: Progress | None = None) -> int:
    """Write a stored run into a backend. Its children are runs of their own.

    Args:
        store: Where the run is.
        run_id: Its whole id.
        backend: Where it shall be, too.
        progress: Called after each batch.

    Returns:
        How many records were offered; the backend passes over those it has.

    Raises:
        RunNotFoundError: There is no such run.
        RetryableError: The backend could not take a batch; replay again.
    """
    run = store.find_run(run_id)
    state = _placed(run.id, _state(store, run), _digest(_state(store, run)))
    ended = [record for record in state if isinstance(record, RunEnded)]
    notes = _placed(run.id, _notes(store, run.id), "notes")
    evaluations = _placed(run.id, _evaluations(store, run.id), "evaluations")
    points = _Points(store, run)
    total, done = len(state) + len(notes) + len(evaluations) + len(points), 0
    records = chain(state[: len(state) - len(ended)], points.records(), evaluations, notes, ended)
    while batch := list(islice(records, BATCH)):
        backend.write(batch)
        done += len(batch)
        if progress is not None:
            progress(done, total)
    backend.flush()
    return done


def _placed(run_id: str, records: Iterable[AnyRecord], kind: str) -> list[AnyRecord]:
    """Number the records of one writer."""
    placed = list(records)
    for seq, record in enumerate(placed):
        place(record, run_id, _writer(run_id, kind), seq)
    return placed


def _writer(run_id: str, kind: str) -> str:
    return f"replay-{run_id}-{kind}"


def _digest(records: Iterable[AnyRecord]) -> str:
    return hashlib.sha256(msgspec.msgpack.encode(list(records))).hexdigest()[:12]


def _state(store: Store, run: RunRow) -> Iterator[AnyRecord]:
    """Yield what describes the run as it is now, its end last."""
    at = run.start_time
    yield RunStarted(
        time=at, name=run.name, experiment=run.experiment, parent_id=run.parent_id, source=run.source or "manual"
    )
    if run.params:
        yield ParamsLogged(time=at, params=run.params)
    if run.tags:
        yield TagsSet(time=at, tags=dict(run.tags))
    for data in store.datasets(run.id):
        yield DatasetLogged(**msgspec.structs.asdict(data))
    for file in store.artifacts(run.id):
        yield ArtifactLogged(**msgspec.structs.asdict(file))
    for model in store.models(run.id):
        yield ModelLogged(**msgspec.structs.asdict(model))
    if run.status != RUNNING and run.end_time is not None:
        yield RunEnded(time=run.end_time, status=run.status, error=run.error)


def _notes(store: Store, run_id: str) -> Iterator[AnyRecord]:
    for note in store.notes(run_id):
        yield NoteLogged(time=note.time, code=note.code, message=note.message, level=note.level)


def _evaluations(store: Store, run_id: str) -> Iterator[AnyRecord]:
    for row in store.evaluations(run_id):
        yield EvaluationLogged(time=row.time, split=row.split, task=row.task, report=row.report)


class _Points:
    """All points of a run in order of time; those logged together become one record again."""

    def __init__(self, store: Store, run: RunRow) -> None:
        self._run_id = run.id
        self._keys: Sequence[str] = sorted(run.metrics)
        series = [store.metric_history(run.id, key) for key in self._keys]
        self._steps = np.concatenate([found.steps for found in series]) if series else np.empty(0, np.int64)
        self._times = np.concatenate([found.times for found in series]) if series else np.empty(0, np.int64)
        self._values = np.concatenate([found.values for found in series]) if series else np.empty(0)
        self._key = np.repeat(np.arange(len(series)), [len(found.steps) for found in series])
        self._order = np.lexsort((self._steps, self._times))
        self._starts = self._first_of_each_record()

    def __len__(self) -> int:
        return len(self._starts)

    def _first_of_each_record(self) -> list[int]:
        """Find where a record begins: at another time or step, or where its key comes again."""
        columns = (self._times[self._order], self._steps[self._order], self._key[self._order])
        starts, seen, last = [], set[int](), None
        for at, (time, step, key) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
            if (time, step) != last or key in seen:
                starts.append(at)
                seen.clear()
            seen.add(key)
            last = (time, step)
        return starts

    def records(self) -> Iterator[AnyRecord]:
        ends = [*self._starts[1:], len(self._order)]
        for seq, (start, end) in enumerate(zip(self._starts, ends, strict=False)):
            rows = self._order[start:end]
            metrics = {self._keys[self._key[row]]: float(self._values[row]) for row in rows}
            record = MetricsLogged(time=int(self._times[rows[0]]), metrics=metrics, step=int(self._steps[rows[0]]))
            place(record, self._run_id, _writer(self._run_id, "metrics"), seq)
            yield record
