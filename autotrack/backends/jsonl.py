"""Runs as plain files for people with jq and git: a directory per run, JSON lines for what grows, files as they are.

    <dir>/<run id>/run.json           what the run is and has now: name, status, params, tags
                   metrics.jsonl      a line per point: {"key", "step", "value", "time"}
                   notes.jsonl, datasets.jsonl, models.jsonl
                   evaluations/<split>.json
                   artifacts/…

JSON has no NaN and no infinities: where they occur, the texts "NaN", "Infinity" and "-Infinity" stand. Times are UTC.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from autotrack.backends.description import describe, utc
from autotrack.backends.directory_backend import DirectoryBackend
from autotrack.backends.gather import gather
from autotrack.backends.run_folder import RunFolder
from autotrack.content import artifact_name
from autotrack.records import AnyRecord, MetricsLogged, Record

RUN_FILE = "run.json"
ARTIFACTS = "artifacts"
_PLACE = ("run_id", "writer", "seq")


class JsonLinesBackend(DirectoryBackend):
    """Write runs into a directory as JSON lines and files.

    Args:
        url: `jsonl:///absolute/dir`, or `jsonl://relative/dir`.
        context: Where the files of runs are.

    Raises:
        StoreUnavailableError: The URL names no directory.
    """

    def _write_run(self, run_id: str, records: Sequence[AnyRecord]) -> None:
        folder = RunFolder(self._root / artifact_name(run_id))
        update = gather(run_id, records, folder.state.writers)
        if update is None:
            return
        _append(folder, "metrics.jsonl", (line for point in update.points for line in _point_lines(point)))
        for name, news in (("notes", update.notes), ("datasets", update.datasets), ("models", update.models)):
            _append(folder, f"{name}.jsonl", map(_plain, news))
        for split, evaluation in update.evaluations.items():
            folder.replace(f"evaluations/{split.replace('/', '_')}.json", _page(_plain(evaluation)))
        for path in update.artifacts:
            name = artifact_name(path)
            source = self._context.artifacts / run_id / name
            if source.is_file():  # else it was deleted since
                folder.replace(f"{ARTIFACTS}/{name}", source)
        folder.replace(RUN_FILE, _page(describe(_known(folder.read(RUN_FILE)), update)))
        folder.commit(update.writers)


def _known(page: bytes | None) -> dict[str, Any] | None:
    return None if page is None else msgspec.json.decode(page)


def _point_lines(point: MetricsLogged) -> Iterable[dict[str, Any]]:
    at = utc(point.time)
    return ({"key": key, "step": point.step, "value": value, "time": at} for key, value in point.metrics.items())


def _plain(record: Record) -> dict[str, Any]:
    """Return a record as it is written: without its place in a journal, its time readable."""
    values = {name: getattr(record, name) for name in record.__struct_fields__ if name not in _PLACE}
    return {**values, "time": utc(record.time)}


def _append(folder: RunFolder, name: str, rows: Iterable[dict[str, Any]]) -> None:
    lines = [msgspec.json.encode(_finite(row)) + b"\n" for row in rows]
    if lines:
        folder.append(name, b"".join(lines))


def _page(value: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_finite(value)), indent=2) + b"\n"


def _finite(value: Any) -> Any:
    """Write numbers that JSON does not have as texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
