"""Deliver what waits on disk: the journals of processes that have ended, and what is known of all journals.

A recording process delivers its own journals. This is for the others: `autotrack sync` carries them to all their
targets, and whoever reads a store first brings it up to date with what ended processes left for it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from autotrack.backends.base import Backend
from autotrack.delivery import remove_journal
from autotrack.follower import Follower, Track
from autotrack.home import Home
from autotrack.journal import JournalHeader, create_journal
from autotrack.journal_reader import journal_files, read_header
from autotrack.records import NoteLogged
from autotrack.recovery import Recovery, is_owned, journal_owner

Connectors = Mapping[str, Callable[[], Backend]]
"""For each target by its name in journals, what opens its backend."""

Progress = Callable[[int, int], None]
"""Called with bytes delivered and bytes in all."""


class Waiting(msgspec.Struct, frozen=True):
    """A journal on disk.

    Attributes:
        path: The file.
        run_id: Its run.
        alive: Whether the process that writes it, or has taken it over, still runs; that process delivers it itself.
        pending: For each target, the bytes it has not got yet.
        created: Nanoseconds since the epoch.
    """

    path: Path
    run_id: str
    alive: bool
    pending: dict[str, int]
    created: int


class Delivered(msgspec.Struct, frozen=True):
    """What came of delivering journals.

    Attributes:
        journals: How many reached all targets that were asked for.
        parked: How many records a target refused for good; they were put aside.
        errors: For each target that could not take everything, why.
    """

    journals: int = 0
    parked: int = 0
    errors: dict[str, str] = {}


def waiting_journals(home: Home) -> list[Waiting]:
    """List the journals of a home that some target has not got whole, oldest run first."""
    alive: dict[str, bool] = {}
    found = []
    for path in journal_files(home.journals):
        try:
            header = read_header(path)
            pending = {target: Track(path, header, target).pending for target in header.targets}
        except FileNotFoundError:  # its process has delivered and removed it meanwhile
            continue
        owner = journal_owner(path, header)
        if owner not in alive:
            alive[owner] = is_owned(home, owner)
        found.append(Waiting(path, header.run_id, alive[owner], pending, header.created))
    return found


def recover_into(
    home: Home,
    connectors: Connectors,
    *,
    run_id: str | None = None,
    anything: bool = False,
    attempts: int = 1,
    progress: Progress | None = None,
) -> Delivered:
    """Take over the journals of ended processes, mark their unfinished runs as killed, and deliver them now.

    What another running process has taken over is left to it. A journal is removed once all of its targets have it.

    Args:
        home: Where the journals lie.
        connectors: The targets to deliver to; journals that name none of them are left alone.
        run_id: Deliver only this run.
        anything: Deliver to these targets what was meant for others too. It stays on disk for those.
        attempts: How often a target may fail before it is given up.
        progress: Called after each batch.
    """
    if next(journal_files(home.journals), None) is None or not os.access(home.journals, os.W_OK | os.X_OK):
        return Delivered()
    with closing(Recovery(home)) as recovery:
        orphans = [(path, header) for path, header in recovery.orphans() if run_id in {None, header.run_id}]
        return _Carrier(home, orphans, connectors, anything=anything).carry(attempts, progress or (lambda *_: None))


class _Carrier:
    """Carries journals nobody writes any more, one target after the other."""

    def __init__(
        self, home: Home, orphans: Collection[tuple[Path, JournalHeader]], connectors: Connectors, *, anything: bool
    ) -> None:
        self._home = home
        self._missing = {path: set(header.targets or connectors) for path, header in orphans}
        wanted = {name: [] for name in connectors}  # type: dict[str, list[Track]]
        for path, header in orphans:
            for name in connectors:
                if anything or name in self._missing[path]:
                    wanted[name].append(Track(path, header, name))
        self._followers = [self._follow(name, connectors[name], tracks) for name, tracks in wanted.items() if tracks]
        self._asked = {track.path for tracks in wanted.values() for track in tracks}
        self._total = sum(follower.pending for follower in self._followers)

    def _follow(self, name: str, connect: Callable[[], Backend], tracks: list[Track]) -> Follower:
        follower = Follower(name, connect, self._finished, self._note)
        for track in tracks:
            if track.pending:
                follower.tracks.append(track)
            else:
                self._finished(track)
        return follower

    def _finished(self, track: Track) -> None:
        self._missing[track.path].discard(track.target)
        if self._missing[track.path]:
            track.save()
        else:
            remove_journal(track.path)

    def _note(self, run_id: str, code: str, message: str) -> None:
        """Leave a note in a journal of its own, which the next delivery carries."""
        targets = tuple(follower.target for follower in self._followers)
        journal = create_journal(self._home.journals, run_id, "", targets)
        journal.append(NoteLogged(time=time.time_ns(), code=code, message=message, level="warning"))
        journal.close()

    def carry(self, attempts: int, progress: Progress) -> Delivered:
        errors = {}
        for follower in self._followers:
            try:
                self._empty(follower, attempts, progress)
            finally:
                follower.close()
            if follower.tracks:
                errors[follower.target] = follower.last_error or "it did not take everything"
        stuck = {track.path for follower in self._followers for track in follower.tracks}
        parked = sum(follower.parked for follower in self._followers)
        return Delivered(len(self._asked - stuck), parked, errors)

    def _empty(self, follower: Follower, attempts: int, progress: Progress) -> None:
        while follower.tracks and follower.failures < attempts:
            time.sleep(max(0.0, follower.retry_at - time.monotonic()) if follower.failures else 0.0)
            follower.step()
            progress(self._total - sum(other.pending for other in self._followers), self._total)
