"""What a batch of records says about each run, gathered by kind: the shape in which servers want to be told.

Values that replace each other (params, tags, files of one path, evaluations of one split, the status) appear once, with
the last one; what only grows (points, notes, datasets, models) keeps its order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import singledispatch

from autotrack.records import (
    AnyRecord,
    ArtifactLogged,
    DatasetLogged,
    EvaluationLogged,
    MetricsLogged,
    ModelLogged,
    NoteLogged,
    Param,
    ParamsLogged,
    Record,
    RunEnded,
    RunStarted,
    TagsSet,
)


@dataclass
class RunUpdate:
    """News of one run.

    Attributes:
        run_id: Ours, 32 hex characters.
        started: The first record that opened it, if it is among the news.
        life: The last record that opened or ended it, likewise.
        tags: None removes one.
        artifacts: By path.
        evaluations: By split.
        writers: For each writer, the greatest `seq` among the news.
        first: The first record among the news.
    """

    run_id: str
    started: RunStarted | None = None
    life: RunStarted | RunEnded | None = None
    params: dict[str, Param] = field(default_factory=dict)
    tags: dict[str, str | None] = field(default_factory=dict)
    points: list[MetricsLogged] = field(default_factory=list)
    artifacts: dict[str, ArtifactLogged] = field(default_factory=dict)
    datasets: list[DatasetLogged] = field(default_factory=list)
    evaluations: dict[str, EvaluationLogged] = field(default_factory=dict)
    models: list[ModelLogged] = field(default_factory=list)
    notes: list[NoteLogged] = field(default_factory=list)
    writers: dict[str, int] = field(default_factory=dict)
    first: AnyRecord | None = None


def records_by_run(records: Iterable[AnyRecord]) -> dict[str, list[AnyRecord]]:
    """Part records by run; runs stand in the order of their first record, so parents come before their children."""
    runs: dict[str, list[AnyRecord]] = {}
    for record in records:
        runs.setdefault(record.run_id, []).append(record)
    return runs


def gather(run_id: str, records: Iterable[AnyRecord], taken: Mapping[str, int]) -> RunUpdate | None:
    """Gather what is new of one run.

    Args:
        run_id: The run.
        records: Its records, in order.
        taken: For each writer, the last `seq` that was taken before; records up to it are passed over.

    Returns:
        The news, or None where there are none.
    """
    update = RunUpdate(run_id)
    for record in records:
        if record.writer:
            if record.seq <= max(taken.get(record.writer, -1), update.writers.get(record.writer, -1)):
                continue
            update.writers[record.writer] = record.seq
        if update.first is None:
            update.first = record
        _add(record, update)
    return None if update.first is None else update


@singledispatch
def _add(record: Record, update: RunUpdate) -> None:  # noqa: ARG001 - what each rule takes
    raise TypeError(f"no rule for {type(record).__name__}")


@_add.register
def _(record: RunStarted, update: RunUpdate) -> None:
    update.started = update.started or record
    if update.life is None or record.resumed:
        update.life = record
    update.tags.update(record.tags)


@_add.register
def _(record: RunEnded, update: RunUpdate) -> None:
    update.life = record


@_add.register
def _(record: ParamsLogged, update: RunUpdate) -> None:
    update.params.update(record.params)


@_add.register
def _(record: TagsSet, update: RunUpdate) -> None:
    update.tags.update(record.tags)


@_add.register
def _(record: MetricsLogged, update: RunUpdate) -> None:
    update.points.append(record)


@_add.register
def _(record: ArtifactLogged, update: RunUpdate) -> None:
    update.artifacts[record.path] = record


@_add.register
def _(record: DatasetLogged, update: RunUpdate) -> None:
    update.datasets.append(record)


@_add.register
def _(record: EvaluationLogged, update: RunUpdate) -> None:
    update.evaluations[record.split] = record


@_add.register
def _(record: ModelLogged, update: RunUpdate) -> None:
    update.models.append(record)


@_add.register
def _(record: NoteLogged, update: RunUpdate) -> None:
    update.notes.append(record)
