"""Take over the journals that dead processes left behind, so that nothing that was acknowledged is lost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from autotrack.home import Home
from autotrack.journal import JournalHeader, encode_record, journal_files, read_header, read_records
from autotrack.owner import forget, is_alive, recovery_lock
from autotrack.records import KILLED, AnyRecord, RunEnded, RunStarted


class Recovery:
    """Journals without a living writer, taken over for as long as this object is open.

    Only one process at a time takes over journals of a home; others find none and need not wait.

    Args:
        home: Where the journals lie.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._stack = contextlib.ExitStack()

    def orphans(self) -> Sequence[tuple[Path, JournalHeader]]:
        """Return the journals nobody writes any more; runs that were cut off are marked as killed in them."""
        if not self._home.owners.is_dir() or not self._stack.enter_context(recovery_lock(self._home.journals)):
            return []
        found = []
        alive: dict[str, bool] = {}
        for path in journal_files(self._home.journals):
            header = read_header(path)
            if header.owner not in alive:
                alive[header.owner] = is_alive(self._home.owners, header.owner) if header.owner else False
            if not alive[header.owner]:
                mark_killed(path, header)
                found.append((path, header))
        for owner in {header.owner for _, header in found} - {""}:
            forget(self._home.owners, owner)
        return found

    def close(self) -> None:
        """Let others take over what was not delivered."""
        self._stack.close()


def mark_killed(path: Path, header: JournalHeader) -> None:
    """Append the end that the dead process could not write, where the journal lacks it."""
    state, last = _final_state(path, header)
    if state == "running":
        end = RunEnded(time=last, status=KILLED, error="the process ended without finishing the run")
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(fd, encode_record(end))
        finally:
            os.close(fd)


def _final_state(path: Path, header: JournalHeader) -> tuple[str, int]:
    """Return "running", "ended" or "late" (it never opened the run), and the time of the last record."""
    state, last, offset = "late", header.created, 0
    while True:
        records, position = read_records(path, header, offset)
        for record in records:
            state, last = _next_state(state, record), max(last, record.time)
        if position.offset == offset:
            return state, last
        offset = position.offset


def _next_state(state: str, record: AnyRecord) -> str:
    if isinstance(record, RunStarted):
        return "running"
    return "ended" if isinstance(record, RunEnded) else state
