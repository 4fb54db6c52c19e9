"""What a run is and has now, as a plain dict that news are added to: for targets that rewrite a page about each run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from autotrack.backends.gather import RunUpdate
from autotrack.records import RUNNING, RunEnded
from autotrack.values import from_param


def describe(known: Mapping[str, Any] | None, update: RunUpdate) -> dict[str, Any]:
    """Return the description of a run after the news.

    Args:
        known: The description before, with whatever else the caller keeps in it; None at the beginning.
        update: The news.

    Returns:
        `id`, `name`, `experiment`, `parent_id`, `source`, `status`, `start_time` and `end_time` (UTC, as text), `error`
        and, by key in order, `params` and `tags`.
    """
    run: dict[str, Any] = dict(known) if known else _unknown(update)
    if update.started is not None and run["source"] is None:
        fields = ("name", "experiment", "parent_id", "source")
        run |= {name: getattr(update.started, name) for name in fields} | {"start_time": utc(update.started.time)}
    if isinstance(update.life, RunEnded):
        run |= {"status": update.life.status, "end_time": utc(update.life.time), "error": update.life.error}
    elif update.life is not None and update.life.resumed:
        run |= {"status": RUNNING, "end_time": None, "error": None}
    run["params"] = dict(sorted({**run["params"], **{k: from_param(v) for k, v in update.params.items()}}.items()))
    tags = {**run["tags"], **update.tags}
    run["tags"] = {key: tags[key] for key in sorted(tags) if tags[key] is not None}
    return run


def describe_fully(known: Mapping[str, Any] | None, update: RunUpdate) -> dict[str, Any]:
    """Return what `describe` does, with what else the run has.

    Returns:
        Besides: `notes` as lines of markdown, `files` with the size of each path, and `datasets`, whose keys are
        "<context>: <name>" and whose values are digests, and `models` with id and flavors of each name.
    """
    run = describe(known, update)
    lines = [f"- **{note.level}** `{note.code}`: {note.message}" for note in update.notes]
    run["notes"] = list(dict.fromkeys([*run.get("notes", []), *lines]))
    run["files"] = run.get("files", {}) | {path: file.size for path, file in update.artifacts.items()}
    data = {f"{data.context}: {data.name}": data.digest for data in update.datasets}
    run["datasets"] = run.get("datasets", {}) | data
    models = {model.name: {"model_id": model.model_id, "flavors": model.flavors} for model in update.models}
    run["models"] = run.get("models", {}) | models
    return run


def _unknown(update: RunUpdate) -> dict[str, Any]:
    """Return the description of a run whose start was not seen."""
    return {
        "id": update.run_id,
        "name": update.run_id[:8],
        "experiment": "default",
        "parent_id": None,
        "source": None,
        "status": RUNNING,
        "start_time": utc(update.first.time if update.first else 0),
        "end_time": None,
        "error": None,
        "params": {},
        "tags": {},
    }


def utc(nanoseconds: int) -> str:
    """Return a time as ISO 8601 text, to the microsecond."""
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
    return (epoch + dt.timedelta(microseconds=nanoseconds // 1000)).isoformat(timespec="microseconds")
