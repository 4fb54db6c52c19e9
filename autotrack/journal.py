r"""The append-only file every record goes to first, written by the calling thread with one `os.write`.

When `append` returns, the bytes are with the kernel: no crash of the process can lose them. A journal belongs to one
run and one writer. It starts with a header frame and goes on with one frame per record:

    frame = b"\xa7AJ" + version (1 byte) + length (uint32, little-endian) + crc32 of the payload (uint32) + payload

The payload is msgpack. A reader that meets a damaged frame searches for the next mark whose frame is whole, so
everything before and after the damage is read.
"""

from __future__ import annotations

import os
import struct
import threading
import time
import zlib
from pathlib import Path

import msgspec

from autotrack.errors import JournalError
from autotrack.records import AnyRecord

MARK = b"\xa7AJ\x01"
FRAME = struct.Struct("<4sII")
SUFFIX = ".journal"


class JournalHeader(msgspec.Struct, frozen=True, array_like=True):
    """The first frame of a journal.

    Attributes:
        run_id: The run all records belong to.
        writer: Unique name of this journal.
        owner: Name of the owner lock of the process that writes; see `owner.py`.
        targets: URLs of the backends it must reach, without passwords.
        created: Nanoseconds since the epoch.
    """

    run_id: str
    writer: str
    owner: str
    targets: tuple[str, ...]
    created: int


_encode = msgspec.msgpack.Encoder().encode


def frame(payload: bytes) -> bytes:
    """Return the payload as it stands in the file."""
    return FRAME.pack(MARK, len(payload), zlib.crc32(payload)) + payload


def encode_record(record: AnyRecord) -> bytes:
    """Return a record as a frame."""
    return frame(_encode(record))


class Journal:
    """The writing side of one journal file.

    Appending is safe from several threads, from `__del__` and from signal handlers: one frame is one `write` on a
    file opened for appending, and the lock is re-entrant.

    The file appears under its name with its header in it, so nobody can take a young journal for an abandoned one.

    Args:
        path: The file; it must not exist.
        header: What its first frame says.

    Raises:
        OSError: The file cannot be made.
    """

    def __init__(self, path: Path, header: JournalHeader) -> None:
        self.path = path
        self.header = header
        self._lock = threading.RLock()
        self._size = 0
        self.closed = False
        young = path.with_suffix(".young")
        self._fd = os.open(young, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self.append_frame(frame(_encode(header)))
            young.rename(path)
        except OSError:
            self.close()
            young.unlink(missing_ok=True)
            raise

    @property
    def size(self) -> int:
        """Bytes of complete frames."""
        return self._size

    def append(self, record: AnyRecord) -> None:
        """Write one record.

        Raises:
            OSError: The disk is full or gone; the file holds complete frames only.
            JournalError: The journal is closed.
        """
        self.append_frame(encode_record(record))

    def append_frame(self, data: bytes) -> None:
        """Write an encoded frame, or several, whole or not at all."""
        with self._lock:
            if self.closed:
                raise JournalError(f"journal {self.path.name} is closed")
            written = os.write(self._fd, data)
            if written != len(data):
                self._finish_or_undo(data[written:])
            self._size += len(data)

    def _finish_or_undo(self, rest: bytes) -> None:
        """Write what a short write left over; on failure cut the torn frame off again."""
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise

    def close(self) -> None:
        """Release the file. Closing twice is closing once."""
        with self._lock:
            if not self.closed:
                self.closed = True
                os.close(self._fd)

    def abandon_after_fork(self) -> None:
        """Release the file in a forked child, whose locks may be held by threads that do not exist there."""
        self._lock = threading.RLock()
        self.close()


def create_journal(directory: Path, run_id: str, owner: str, targets: tuple[str, ...]) -> Journal:
    """Make a new journal file for a run."""
    writer = os.urandom(6).hex()
    header = JournalHeader(run_id, writer, owner, targets, time.time_ns())
    return Journal(directory / f"{run_id}-{writer}{SUFFIX}", header)
