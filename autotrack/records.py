"""The record types: the only words between those who observe training and those who store it.

An integration produces records through a `Run`; a backend receives them in order through `Backend.write`. Nothing else
passes between the two. Records are frozen, carry builtins only, and encode to msgpack arrays, so a new field is always
added at the end with a default: old journals stay readable.

Where a record stands (`run_id`, `writer`, `seq`) is not written by the producer. The reader of a journal fills it in:
`seq` is the record's position in the journal of that `writer`, so `(writer, seq)` names a record for ever and grows
within one writer. A backend that remembers the last `seq` of each writer has seen every record exactly once.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

RUNNING = "running"
FINISHED = "finished"
FAILED = "failed"
INTERRUPTED = "interrupted"
KILLED = "killed"
STATUSES = (RUNNING, FINISHED, FAILED, INTERRUPTED, KILLED)


class Param(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A parameter's value as text, with the type that reads it back.

    Attributes:
        text: Canonical text. Longer values than 64 KB are cut to a preview.
        type: "null", "bool", "int", "float", "str", "json" (lists and dicts) or "repr" (any other object).
        size: Length in bytes of the whole text where `text` is a preview, else None.
        sha256: Hash of the whole text where `text` is a preview, else None.
    """

    text: str
    type: str
    size: int | None = None
    sha256: str | None = None


class Record(msgspec.Struct, frozen=True, array_like=True):
    """What all records share.

    Attributes:
        time: When it happened, in nanoseconds since the epoch.
        run_id: The run it belongs to; filled in on reading.
        writer: The journal writer it came from; filled in on reading.
        seq: Position within that writer, growing; filled in on reading.
    """

    time: int
    run_id: str = ""
    writer: str = ""
    seq: int = 0


class RunStarted(Record, frozen=True, kw_only=True, tag="run_started"):
    """A run began, or goes on (`resumed`).

    Attributes:
        source: Who opened it: the name of an integration, or "manual".
        tags: Tags known at the start.
    """

    name: str
    experiment: str
    parent_id: str | None = None
    source: str = "manual"
    tags: dict[str, str] = {}
    resumed: bool = False


class ParamsLogged(Record, frozen=True, kw_only=True, tag="params"):
    """Parameters were set; a later value of the same key replaces the earlier one."""

    params: dict[str, Param]


class MetricsLogged(Record, frozen=True, kw_only=True, tag="metrics"):
    """One point for each key, all at the same step."""

    metrics: dict[str, float]
    step: int = 0


class TagsSet(Record, frozen=True, kw_only=True, tag="tags"):
    """Tags were set, or removed where the value is None."""

    tags: dict[str, str | None]


class ArtifactLogged(Record, frozen=True, kw_only=True, tag="artifact"):
    """A file of the run is complete at `<home>/artifacts/<run_id>/<path>`.

    Attributes:
        path: Relative, with forward slashes.
        size: Bytes.
        sha256: Hex digest, or None where nobody has computed it yet.
    """

    path: str
    size: int
    sha256: str | None = None


class DatasetLogged(Record, frozen=True, kw_only=True, tag="dataset"):
    """Data went into the run.

    Attributes:
        name: What the data are called.
        context: "train", "validation", "test" or another split.
        digest: Fingerprint of the content, from a sample.
        schema: One entry for each column: name, type and what else is known.
        profile: Shape, sizes, class balance: plain numbers.
        source: Where they came from, if known.
    """

    name: str
    context: str
    digest: str
    schema: list[dict[str, Any]] = []
    profile: dict[str, Any] = {}
    source: str | None = None


class EvaluationLogged(Record, frozen=True, kw_only=True, tag="evaluation"):
    """A model was evaluated on a split; `report` is `Evaluation.to_dict()`."""

    split: str
    task: str
    report: dict[str, Any]


class ModelLogged(Record, frozen=True, kw_only=True, tag="model"):
    """A model folder is complete below the run's artifacts; its files have their own `ArtifactLogged`.

    Attributes:
        name: The folder's name, such as "model".
        flavors: Keys of the MLmodel file's flavors.
        model_id: 32 hex characters.
        signature: The MLmodel signature (inputs, outputs, params as JSON texts), if known.
        size: Bytes of all files.
        files: Paths of all files within the folder; others below it were those of an earlier model of that name.
    """

    name: str
    flavors: list[str]
    model_id: str
    signature: dict[str, Any] | None = None
    size: int = 0
    files: list[str] = []


class NoteLogged(Record, frozen=True, kw_only=True, tag="note"):
    """Something the user should know: what was skipped, dropped or went wrong, and why.

    Attributes:
        code: Stable word for the cause, such as "evaluation.skipped".
        level: "info", "warning" or "error".
    """

    code: str
    message: str
    level: str = "info"


class RunEnded(Record, frozen=True, kw_only=True, tag="run_ended"):
    """The run ended with a final status; `error` is the traceback of a failed one."""

    status: str
    error: str | None = None


AnyRecord: TypeAlias = (
    RunStarted
    | ParamsLogged
    | MetricsLogged
    | TagsSet
    | ArtifactLogged
    | DatasetLogged
    | EvaluationLogged
    | ModelLogged
    | NoteLogged
    | RunEnded
)
