"""What reading the store returns: frozen structs of builtins. Times are nanoseconds since the epoch."""

from __future__ import annotations

from typing import Any

import msgspec

from autotrack.records import Param


class RunRow(msgspec.Struct, frozen=True):
    """A run with its current values.

    Attributes:
        id: The id given by the client, 32 hex characters.
        status: One of `records.STATUSES`.
        source: Who opened it, or None where the beginning of the run never arrived.
        end_time: None while it is running.
        error: Traceback of a failed run.
        params: By key; empty where values were not asked for.
        metrics: Last value of each series: the one at the greatest step, the later one of two at the same step.
        tags: By key.
        deleted_at: When it was deleted, or None.
    """

    id: str
    name: str
    experiment: str
    status: str
    parent_id: str | None
    source: str | None
    start_time: int
    end_time: int | None
    error: str | None
    params: dict[str, Param] = {}
    metrics: dict[str, float] = {}
    tags: dict[str, str] = {}
    deleted_at: int | None = None


class MetricSummary(msgspec.Struct, frozen=True):
    """A series of points in a few numbers.

    Attributes:
        count: Number of points, NaN included.
        nans: Number of points that are NaN.
        first_step: Least step.
        last_step: Greatest step.
        last: Value at the greatest step; the later one of two.
        last_time: When it was logged.
        min: Least value, or None where all are NaN; `min_step` is the step of the first one logged.
        max: Greatest value, like `min`.
        sum: Sum of the values that are not NaN.
    """

    count: int
    nans: int
    first_step: int
    last_step: int
    last: float
    last_time: int
    min: float | None
    min_step: int | None
    max: float | None
    max_step: int | None
    sum: float

    @property
    def mean(self) -> float:
        """Mean of the values that are not NaN, or NaN where there are none."""
        numbers = self.count - self.nans
        return self.sum / numbers if numbers else float("nan")


class ExperimentRow(msgspec.Struct, frozen=True):
    """An experiment with the number of its runs, deleted ones left out, and the start of the latest."""

    name: str
    runs: int
    last_start: int | None


class ArtifactRow(msgspec.Struct, frozen=True):
    """A file of a run; `sha256` is None where it could not be read."""

    path: str
    size: int
    sha256: str | None
    time: int


class DatasetRow(msgspec.Struct, frozen=True):
    """Data that went into a run; see `records.DatasetLogged`."""

    name: str
    context: str
    digest: str
    schema: list[dict[str, Any]]
    profile: dict[str, Any]
    source: str | None
    time: int


class EvaluationRow(msgspec.Struct, frozen=True):
    """An evaluation; `report` is what `Evaluation.from_dict` reads."""

    split: str
    task: str
    report: dict[str, Any]
    time: int


class ModelRow(msgspec.Struct, frozen=True):
    """A model folder of a run; see `records.ModelLogged`."""

    model_id: str
    name: str
    flavors: list[str]
    signature: dict[str, Any] | None
    size: int
    time: int


class NoteRow(msgspec.Struct, frozen=True):
    """Something the user should know; see `records.NoteLogged`."""

    code: str
    level: str
    message: str
    time: int
