"""A run read back from the store."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from autotrack.content import artifact_name
from autotrack.highlights import rank_metrics
from autotrack.values import from_param

if TYPE_CHECKING:
    from autotrack.evaluation.report import Evaluation
    from autotrack.history import History
    from autotrack.run_list import RunList
    from autotrack.store.rows import DatasetRow, ModelRow, NoteRow, RunRow

ATTRIBUTES = (
    "id",
    "name",
    "experiment",
    "status",
    "parent_id",
    "source",
    "start_time",
    "end_time",
    "duration",
)
"""What describes a run beside its values."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class MetricPoint(NamedTuple):
    """One point of a metric.

    Attributes:
        step: As it was logged; 0 by default.
        value: NaN and infinities are what was logged.
        time: When it was logged, UTC.
    """

    step: int
    value: float
    time: datetime


class StoredRun:
    """A run as the store has it at the time of reading.

    Made by `autotrack.get_run` and `autotrack.search_runs`. What may be large (points, files, evaluations) is read when
    it is asked for.

    Attributes:
        id: 32 hex characters, in order of time.
        status: "running", "finished", "failed", "interrupted" or "killed".
        parent_id: The run it is a part of, or None.
        source: Who opened it: the name of an integration, or "manual".
        start_time: UTC.
        end_time: UTC; None while it runs.
        params: With the type they were logged with; values above 64 KB as a preview.
        metrics: The last value of each.
        error: The traceback of a failed run.
        deleted_at: When it was moved to the trash, or None.
    """

    def __init__(self, row: RunRow, history: History) -> None:
        self.id = row.id
        self.name = row.name
        self.experiment = row.experiment
        self.status = row.status
        self.parent_id = row.parent_id
        self.source = row.source or ""
        self.start_time = to_datetime(row.start_time)
        self.end_time = None if row.end_time is None else to_datetime(row.end_time)
        self.params: dict[str, Any] = {key: from_param(param) for key, param in sorted(row.params.items())}
        self.metrics: dict[str, float] = dict(sorted(row.metrics.items()))
        self.tags: dict[str, str] = dict(sorted(row.tags.items()))
        self.error = row.error
        self.deleted_at = None if row.deleted_at is None else to_datetime(row.deleted_at)
        self.history = history

    @property
    def duration(self) -> float | None:
        """Seconds from start to end; None while it runs."""
        return None if self.end_time is None else (self.end_time - self.start_time).total_seconds()

    @cached_property
    def notes(self) -> list[NoteRow]:
        """What the user should know: what was skipped, dropped or went wrong, and why."""
        with self.history.reading() as store:
            return store.notes(self.id)

    @cached_property
    def datasets(self) -> list[DatasetRow]:
        """Fingerprints of the data that went in."""
        with self.history.reading() as store:
            return store.datasets(self.id)

    @cached_property
    def models(self) -> list[ModelRow]:
        """The models that were saved; their folders are among the artifacts."""
        with self.history.reading() as store:
            return store.models(self.id)

    def metric_history(self, key: str) -> list[MetricPoint]:
        """Return all points of a metric by step, those of equal step as they were logged; empty for an unknown key."""
        with self.history.reading() as store:
            columns = store.metric_history(self.id, key)
        return [
            MetricPoint(step, value, to_datetime(time))
            for step, value, time in zip(*(column.tolist() for column in columns), strict=True)
        ]

    def artifacts(self) -> list[str]:
        """Return the paths of all files, relative to the run, with forward slashes."""
        with self.history.reading() as store:
            return [file.path for file in store.artifacts(self.id)]

    def download(self, path: str = "", destination: str | Path | None = None) -> Path:
        """Return a file or folder of the run, in place or as a copy.

        Args:
            path: One of `artifacts()`, or a folder of them; all files by default.
            destination: Where to put a copy: an existing directory takes it under its own name. Without it, the file of
                the run itself is returned; do not change it.

        Raises:
            UnsupportedValueError: `path` is absolute or leads out of the run.
            FileNotFoundError: The run has no such file, or it is not on this machine.
        """
        root = self.history.home.run_artifacts(self.id)
        source = root / artifact_name(path) if path else root
        if not source.exists() or not source.resolve().is_relative_to(root.resolve()):
            raise FileNotFoundError(f"run {self.name!r} has no file {path!r} in {root}")
        if destination is None:
            return source
        target = Path(destination)
        target = target / (source.name if path else self.name) if target.is_dir() else target
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            return shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        return Path(shutil.copyfile(source, target))

    def evaluations(self) -> list[Evaluation]:
        """Return the latest evaluation of each split."""
        from autotrack.evaluation.report import Evaluation

        with self.history.reading() as store:
            latest = {row.split: row.report for row in store.evaluations(self.id)}
        return [Evaluation.from_dict(report) for report in latest.values()]

    def evaluation(self, split: str = "test") -> Evaluation:
        """Return the latest evaluation of a split.

        Raises:
            LookupError: The run has none of this split.
        """
        found = self.evaluations()
        for evaluation in found:
            if evaluation.split == split:
                return evaluation
        known = ", ".join(repr(evaluation.split) for evaluation in found) or "none at all"
        raise LookupError(f"run {self.name!r} has no evaluation of {split!r}; it has {known}")

    def children(self) -> RunList:
        """Return the runs that are a part of this one, in the order in which they started."""
        return self.history.children(self.id)

    def attributes(self) -> dict[str, Any]:
        """Return what describes the run beside its values."""
        return {name: getattr(self, name) for name in ATTRIBUTES}

    def to_dict(self) -> dict[str, Any]:
        """Return the run as one flat row: its attributes, then `params.x`, `metrics.y` and `tags.z`."""
        row = self.attributes()
        for kind in ("params", "metrics", "tags"):
            row |= {f"{kind}.{key}": value for key, value in getattr(self, kind).items()}
        return row

    def __repr__(self) -> str:
        """Return one line: name, id, status, duration and the metric that tells most."""
        length = "" if self.duration is None else f" {self.duration:.1f}s"
        score = next((f" {key}={self.metrics[key]:.4g}" for key in rank_metrics([self.metrics])), "")
        return f"<StoredRun {self.name} {self.id[:12]} {self.status}{length}{score}>"

    def _repr_html_(self) -> str:
        from autotrack.run_html import run_card

        return run_card(self)


def to_datetime(nanoseconds: int) -> datetime:
    """Return a time of the store as UTC, to the microsecond."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
