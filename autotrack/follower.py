"""Carry journals to one backend: read from a durable cursor, write a batch, move the cursor.

A follower owns no thread: `delivery.py` runs one in a thread, recovery and `autotrack sync` call it directly. It offers
every record at least once and in order; a backend's `write` is idempotent, so each has its effect exactly once.
"""

from __future__ import annotations

import hashlib
import logging
import random
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from autotrack.backends.base import Backend
from autotrack.errors import RetryableError
from autotrack.journal import Journal, JournalHeader, encode_record
from autotrack.journal_reader import read_records
from autotrack.records import AnyRecord
from autotrack.shield import contain

logger = logging.getLogger("autotrack")

BATCH = 5_000
MAX_DELAY = 60.0
MAX_RETRY_AFTER = 600.0
FIRST_DELAY = 0.5
OPEN_AFTER = 5
_jitter = random.SystemRandom()  # never the user's seeded generator

Note = Callable[[str, str, str], None]


class Track:
    """How far one journal has been carried to one backend.

    Args:
        path: The journal.
        header: Its header.
        target: The backend's name in the header's targets.
        journal: The writing side, where this process still writes it.
    """

    def __init__(self, path: Path, header: JournalHeader, target: str, journal: Journal | None = None) -> None:
        self.path = path
        self.header = header
        self.target = target
        self.cursor = path.with_suffix(f".{target_key(target)}.cursor")
        self._journal = journal
        self.offset = self._read_cursor()
        self.damaged = 0

    @property
    def size(self) -> int:
        """Bytes the journal holds now."""
        return self._journal.size if self._journal is not None else self.path.stat().st_size

    @property
    def closed(self) -> bool:
        """Whether nothing more will be written."""
        return self._journal is None or self._journal.closed

    @property
    def pending(self) -> int:
        """Bytes that the backend has not got yet."""
        try:
            return max(0, self.size - self.offset)
        except FileNotFoundError:
            return 0

    def read(self, limit: int) -> tuple[list[AnyRecord], int]:
        """Return the next records and the offset behind them."""
        closed, size = self.closed, self.size  # asked before reading: what is written meanwhile is read the next time
        records, position = read_records(self.path, self.header, self.offset, limit)
        self.damaged += position.damaged
        if not records and closed:  # a torn end that nobody will complete
            self.damaged += size - position.offset
            return records, size
        return records, position.offset

    def advance(self, offset: int) -> None:
        """Remember that the backend has everything before `offset`."""
        self.offset = offset
        if not (self.closed and offset >= self.size):  # a finished journal is removed instead
            self.save()

    def abandon(self) -> None:
        """Let the run that still writes a file which is gone begin a new one with its next record."""
        if self._journal is not None:
            self._journal.close()

    def save(self) -> None:
        """Write the cursor to disk."""
        self.cursor.write_bytes(struct.pack("<Q", self.offset))

    def _read_cursor(self) -> int:
        try:
            return int(struct.unpack("<Q", self.cursor.read_bytes())[0])
        except (OSError, struct.error):
            return 0


def target_key(target: str) -> str:
    """Return a short file-name-safe name of a target."""
    return hashlib.sha256(target.encode()).hexdigest()[:12]


class Follower:
    """Carries journals to one backend.

    Args:
        target: The backend's name in journal headers.
        connect: Opens the backend; called on first use, in the thread that calls `step`.
        finished: Called with each track that was carried to its end.
        note: Called with run id, code and message to tell the user of a run about trouble.
        clock: Tells the time in seconds, for the waits between tries.
    """

    def __init__(
        self,
        target: str,
        connect: Callable[[], Backend],
        finished: Callable[[Track], None],
        note: Note,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target = target
        self.tracks: list[Track] = []
        self.failures = 0
        self.parked = 0
        self.last_error: str | None = None
        self.retry_at = 0.0
        self._connect = connect
        self._finished = finished
        self._note = note
        self._clock = clock
        self._backend: Backend | None = None
        self._runs_told: set[str] = set()

    @property
    def state(self) -> str:
        """One word: "ok", "retrying", or "open" when the circuit breaker waits for the other side to recover."""
        if self.failures == 0:
            return "ok"
        return "open" if self.failures >= OPEN_AFTER else "retrying"

    @property
    def pending(self) -> int:
        """Bytes that the backend has not got yet."""
        return sum(track.pending for track in list(self.tracks))

    def step(self) -> bool:
        """Carry one batch; say whether there may be more to carry at once."""
        batch: list[AnyRecord] = []
        ends: list[tuple[Track, int]] = []
        for track in list(self.tracks):
            if len(batch) >= BATCH:
                break
            try:
                if track.pending or track.closed:
                    records, end = track.read(BATCH - len(batch))
                    batch += records
                    ends.append((track, end))
            except OSError as error:
                self._lose(track, error)
        if not ends:
            return False
        if not self._offer(batch):
            return False
        for track, end in ends:
            self._advance(track, end)
        return bool(batch)

    def _advance(self, track: Track, end: int) -> None:
        track.advance(end)
        if track.closed and track.pending == 0:
            if track.damaged:
                self._report_damage(track)
            self.tracks.remove(track)
            self._finished(track)

    def _lose(self, track: Track, error: OSError) -> None:
        """Give up on a journal that somebody removed."""
        self.tracks.remove(track)
        track.abandon()
        logger.warning("journal %s is gone: %s; what was not delivered from it is lost", track.path, error)
        self._note(track.header.run_id, "journal.lost", f"{track.path.name}: {error}")

    def _report_damage(self, track: Track) -> None:
        message = f"{track.damaged} damaged bytes in {track.path.name} could not be read; everything around them was"
        logger.warning("%s", message)
        self._note(track.header.run_id, "journal.damaged", message)

    def _offer(self, batch: Sequence[AnyRecord]) -> bool:
        """Hand a batch to the backend; False means: offer the same again later."""
        try:
            if self._backend is None:
                self._backend = self._connect()
            if batch:
                self._write(self._backend, batch)
                self._backend.flush()
        except RetryableError as error:
            self._back_off(error, error.retry_after)
            return False
        except Exception as error:  # the backend could not even be opened: a server that is down, a missing package
            self._back_off(error, None)
            return False
        self.failures = 0
        self.last_error = None
        return True

    def _write(self, backend: Backend, batch: Sequence[AnyRecord]) -> None:
        """Write a batch; one that can never be taken is halved until the record to blame stands alone."""
        try:
            backend.write(batch)
        except (RetryableError, OSError):  # OSError: a connection that broke, a disk that is full
            raise
        except Exception as error:
            if len(batch) == 1:
                self._park(batch[0], error)
                return
            middle = len(batch) // 2
            self._write(backend, batch[:middle])
            self._write(backend, batch[middle:])

    def _park(self, record: AnyRecord, error: Exception) -> None:
        """Put a record that the backend refuses for good aside, where nothing is lost and the rest can flow."""
        self.parked += 1
        directory = self.tracks[0].path.parent / "parked"
        directory.mkdir(mode=0o700, exist_ok=True)
        with (directory / f"{record.run_id}.{target_key(self.target)}").open("ab") as file:
            file.write(encode_record(record))
        kind = type(record).__name__
        if record.run_id not in self._runs_told:  # once a run: the note itself may be refused too
            self._runs_told.add(record.run_id)
            self._note(record.run_id, "delivery.parked", f"{self.target} refused a {kind}: {error}")
        contain(error, f"delivering a {kind} to {self.target}")

    def _back_off(self, error: Exception, retry_after: float | None) -> None:
        """Wait before the next try: full jitter up to a doubling limit, or what the other side asked for."""
        self.failures += 1
        message = f"{type(error).__name__}: {error}"
        if self.failures == 1 or message != self.last_error:
            logger.warning("cannot deliver to %s yet: %s. Nothing is lost: records wait on disk.", self.target, error)
        self.last_error = message
        limit = min(MAX_DELAY, FIRST_DELAY * 2 ** min(self.failures, 20))
        delay = min(retry_after, MAX_RETRY_AFTER) if retry_after is not None else _jitter.uniform(0, limit)
        self.retry_at = self._clock() + delay

    def close(self) -> None:
        """Release the backend."""
        if self._backend is not None:
            self._backend.close()
            self._backend = None
