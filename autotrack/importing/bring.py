"""Write found runs into a home: records through its backend, files beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import msgspec

from autotrack.backends.base import Backend
from autotrack.content import artifact_name
from autotrack.errors import RunNotFoundError
from autotrack.home import Home
from autotrack.importing.found import SOURCE, FoundRun
from autotrack.journal_reader import place
from autotrack.records import AnyRecord, ArtifactLogged
from autotrack.store.store import Store

BATCH = 5_000

Progress = Callable[[FoundRun], None]
"""Called with each run before it is written."""


class Brought(msgspec.Struct):
    """What came of an import.

    Attributes:
        runs: How many were written, or had been by an earlier import.
        own: How many are passed over because they were recorded here in the first place.
    """

    runs: int = 0
    own: int = 0


def bring(found: Iterable[FoundRun], store: Store, backend: Backend, home: Home, progress: Progress) -> Brought:
    """Write runs; one that was imported before gets what is new of it.

    Args:
        found: The runs.
        store: What `backend` writes to, open for reading.
        backend: Where they shall be.
        home: Where files are kept; made by the caller.
        progress: Called with each run.
    """
    brought = Brought()
    for run in found:
        if _is_own(store, run.id):
            brought.own += 1
            continue
        progress(run)
        told = iter(run.records())
        records = chain(islice(told, 1), _files(run, home.run_artifacts(run.id)), told)
        while batch := list(islice(records, BATCH)):
            backend.write(batch)
        brought.runs += 1
    backend.flush()
    return brought


def _is_own(store: Store, run_id: str) -> bool:
    try:
        return store.get_run(run_id).source != SOURCE
    except RunNotFoundError:
        return False


def _files(run: FoundRun, target: Path) -> Iterator[AnyRecord]:
    """Copy the files of a run and yield their records."""
    for path, wanted in run.all_files():
        name = artifact_name(wanted)
        stat, copy = path.stat(), target / name
        if not copy.is_file() or copy.stat().st_size != stat.st_size or copy.stat().st_mtime_ns < stat.st_mtime_ns:
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy2(path, copy)
        record = ArtifactLogged(time=stat.st_mtime_ns, path=name, size=stat.st_size)
        place(record, run.id, f"import-{run.id}-file-{name}-{stat.st_mtime_ns}-{stat.st_size}", 0)
        yield record
