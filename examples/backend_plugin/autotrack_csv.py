"""A backend in a package of its own: runs as CSV files, by `autotrack.enable(to="csv:///some/dir")`.

Each run has a directory with `metrics.csv` (key, step, value, time in nanoseconds), `values.csv` (kind, key, value; a
later line of the same key replaces an earlier one, and an empty tag is gone) and its files.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from autotrack.backends.base import BackendContext
from autotrack.backends.gather import RunUpdate, gather, records_by_run
from autotrack.backends.run_folder import RunFolder
from autotrack.content import artifact_name
from autotrack.errors import RetryableError
from autotrack.records import AnyRecord, RunEnded


class CsvBackend:
    """Write runs as CSV files.

    Args:
        url: `csv:///absolute/dir`.
        context: Where the files of runs are.
    """

    def __init__(self, url: str, context: BackendContext) -> None:
        self._root = Path(url.partition("://")[2])
        self._context = context

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Write what is new; `RunFolder` remembers what was written, and undoes what a crash left half done."""
        for run_id, mine in records_by_run(records).items():
            try:
                folder = RunFolder(self._root / artifact_name(run_id))
                update = gather(run_id, mine, folder.state.writers)
                if update is not None:
                    self._write_run(folder, update)
            except OSError as error:  # a full disk, a share that is away: the same records come again later
                raise RetryableError(f"cannot write in {self._root}: {error}") from error

    def _write_run(self, folder: RunFolder, update: RunUpdate) -> None:
        points = ((key, p.step, value, p.time) for p in update.points for key, value in p.metrics.items())
        folder.append("metrics.csv", _csv(points))
        folder.append("values.csv", _csv(_values(update)))
        for path in map(artifact_name, update.artifacts):
            folder.replace(f"files/{path}", self._context.artifacts / update.run_id / path)
        folder.commit(update.writers)

    def flush(self) -> None:
        """Do nothing: what is written is on the disk."""

    def close(self) -> None:
        """Do nothing: no file stays open."""


def _values(update: RunUpdate) -> Iterable[tuple[str, str, str]]:
    if update.started is not None:
        yield "run", "name", update.started.name
        yield "run", "experiment", update.started.experiment
    for key, param in update.params.items():
        yield "param", key, param.text
    for key, value in update.tags.items():
        yield "tag", key, value or ""
    if update.life is not None:
        yield "run", "status", update.life.status if isinstance(update.life, RunEnded) else "running"


def _csv(rows: Iterable[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
