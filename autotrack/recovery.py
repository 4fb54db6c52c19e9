"""Take over the journals that dead processes left behind, so that nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from autotrack.home import Home
from autotrack.journal import JournalHeader, encode_record
from autotrack.journal_reader import journal_files, read_header, read_records
from autotrack.owner import Owner, forget, is_alive, recovery_lock
from autotrack.records import KILLED, AnyRecord, NoteLogged, RunEnded, RunStarted

OWNER_SUFFIX = ".owner"
"""Of the file beside a journal that names who has taken it over."""
UNWRITTEN_MODELS = ".*.snapshot"
"""The names of files with a model's bytes, until its folder is written."""
UNWRITTEN = "model.unwritten"


class Recovery:
    """Journals without a living writer, taken over by this process until it ends or this object is closed.

    A journal has one owner: the process that writes it, later the one that has taken it over. Only the moment of taking
    over is locked, so that what dies while a long training goes on is found by whoever looks next.

    Args:
        home: Where the journals lie.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._owner: Owner | None = None
        self._pid = os.getpid()

    def orphans(self) -> Sequence[tuple[Path, JournalHeader]]:
        """Return the journals nobody cares for any more; runs that were cut off are marked as killed in them."""
        if not self._home.owners.is_dir():
            return []
        with recovery_lock(self._home.journals) as ours:
            return [self._take(path, header) for path, header in self._ownerless()] if ours else []

    def _ownerless(self) -> list[tuple[Path, JournalHeader]]:
        found: list[tuple[Path, JournalHeader]] = []
        dead: dict[str, bool] = {}
        for path in journal_files(self._home.journals):
            try:
                header = read_header(path)
            except FileNotFoundError:  # delivered meanwhile
                continue
            owner = journal_owner(path, header)
            if owner not in dead:
                dead[owner] = not is_owned(self._home, owner)
            if dead[owner]:
                found.append((path, header))
        for owner in {name for name, gone in dead.items() if gone} - {""}:
            forget(self._home.owners, owner)
        return found

    def _take(self, path: Path, header: JournalHeader) -> tuple[Path, JournalHeader]:
        if self._owner is None:
            self._owner = Owner(self._home.owners)
        path.with_suffix(OWNER_SUFFIX).write_text(self._owner.name)
        mark_killed(path, header)
        note_unwritten(path, header, self._home.artifacts / header.run_id)
        return path, header

    def close(self) -> None:
        """Let others take over what was not delivered."""
        if self._owner is not None:
            (self._owner.release if os.getpid() == self._pid else self._owner.drop)()
            self._owner = None


def journal_owner(path: Path, header: JournalHeader) -> str:
    """Return the name of the owner of a journal: who has taken it over, else who has written it."""
    try:
        return path.with_suffix(OWNER_SUFFIX).read_text()
    except FileNotFoundError:
        return header.owner


def is_owned(home: Home, owner: str) -> bool:
    """Say whether an owner is a process that runs."""
    return bool(owner) and is_alive(home.owners, owner)


def mark_killed(path: Path, header: JournalHeader) -> None:
    """Append the end that the dead process could not write, where the journal lacks it."""
    state, last = _final_state(path, header)
    if state == "running":
        _append(path, RunEnded(time=last, status=KILLED, error="the process ended without finishing the run"))


def note_unwritten(path: Path, header: JournalHeader, artifacts: Path) -> None:
    """Append a note about models of which the dead process left nothing but their bytes, once.

    Args:
        path: The journal.
        header: Its header.
        artifacts: The run's files.
    """
    left = sorted(file.name for file in artifacts.glob(UNWRITTEN_MODELS))
    if left and not any(isinstance(record, NoteLogged) and record.code == UNWRITTEN for record in _all(path, header)):
        files = ", ".join(left)
        message = f"the process ended before the model was written; its bytes are in {artifacts}: {files}"
        _append(path, NoteLogged(time=time.time_ns(), code=UNWRITTEN, message=message, level="warning"))


def _append(path: Path, record: AnyRecord) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        os.write(fd, encode_record(record))
    finally:
        os.close(fd)


def _final_state(path: Path, header: JournalHeader) -> tuple[str, int]:
    """Return "running", "ended" or "late" (it never opened the run), and the time of the last record."""
    state, last = "late", header.created
    for record in _all(path, header):
        state, last = _next_state(state, record), max(last, record.time)
    return state, last


def _all(path: Path, header: JournalHeader) -> Iterator[AnyRecord]:
    offset = 0
    while True:
        records, position = read_records(path, header, offset)
        yield from records
        if position.offset == offset:
            return
        offset = position.offset


def _next_state(state: str, record: AnyRecord) -> str:
    if isinstance(record, RunStarted):
        return "running"
    return "ended" if isinstance(record, RunEnded) else state
