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
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from autotrack.errors import JournalError
from autotrack.records import AnyRecord

MARK = b"\xa7AJ\x01"
_FRAME = struct.Struct("<4sII")
MAX_PAYLOAD = 1 << 30
SUFFIX = ".journal"
READ_SIZE = 1 << 20


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
_decode_record = msgspec.msgpack.Decoder(AnyRecord).decode
_decode_header = msgspec.msgpack.Decoder(JournalHeader).decode


def frame(payload: bytes) -> bytes:
    """Return the payload as it stands in the file."""
    return _FRAME.pack(MARK, len(payload), zlib.crc32(payload)) + payload


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
        """Write one encoded frame, whole or not at all."""
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


class Position(NamedTuple):
    """How far a journal was read: the next byte to read and the damage met on the way."""

    offset: int
    damaged: int


def read_header(path: Path) -> JournalHeader:
    """Return a journal's header; where its frame is damaged, what the file's name says."""
    with path.open("rb") as file:
        data = file.read(64 * 1024)
    found = _next_frame(data, 0)
    if found is not None and found.start == 0:
        try:
            return _decode_header(found.payload)
        except msgspec.MsgspecError:  # the first frame is a record: the header was cut off
            pass
    run_id, _, writer = path.name.removesuffix(SUFFIX).partition("-")
    return JournalHeader(run_id, writer, "", (), 0)


def read_records(
    path: Path, header: JournalHeader, offset: int = 0, limit: int = 10_000
) -> tuple[list[AnyRecord], Position]:
    """Read complete records from a byte offset on.

    Args:
        path: The journal.
        header: Its header; gives `run_id` and `writer` of the records.
        offset: Where to start; 0 or the offset of an earlier `Position`.
        limit: How many records at most.

    Returns:
        The records, and where to go on. A torn frame at the end of the file is not damage: it may still grow.
    """
    records: list[AnyRecord] = []
    damaged = 0
    with path.open("rb", buffering=0) as file:
        while len(records) < limit:
            block = _read_block(file.fileno(), offset, header, limit - len(records))
            if block.damaged:  # a frame that was being written while we read looks torn: look twice
                block = _read_block(file.fileno(), offset, header, limit - len(records))
            records += block.records
            damaged += block.damaged
            offset += block.used
            if block.used == 0:
                break
    return records, Position(offset, damaged)


class _Block(NamedTuple):
    records: list[AnyRecord]
    used: int
    damaged: int


def _read_block(fd: int, offset: int, header: JournalHeader, limit: int) -> _Block:
    """Decode the frames of the next block; one longer than a block is read by itself."""
    data = os.pread(fd, READ_SIZE, offset)
    records: list[AnyRecord] = []
    at = damaged = 0
    while len(records) < limit and (found := _next_frame(data, at)) is not None:
        damaged += found.start - at
        at = found.end
        damaged += _decode_into(records, found, offset + found.start, header)
    if at > 0 or not data:
        return _Block(records, at, damaged)
    return _read_long_frame(fd, data, offset, header)


def _read_long_frame(fd: int, data: bytes, offset: int, header: JournalHeader) -> _Block:
    """Handle a block without one whole frame: a frame longer than a block, a torn end, or damage."""
    size = os.fstat(fd).st_size
    at = data.find(MARK)
    while at != -1 and len(data) - at >= _FRAME.size:
        _, length, crc = _FRAME.unpack_from(data, at)
        start = at + _FRAME.size
        if length <= MAX_PAYLOAD and offset + start + length <= size:
            payload = os.pread(fd, length, offset + start)
            if zlib.crc32(payload) == crc:
                records: list[AnyRecord] = []
                damaged = at + _decode_into(records, _Frame(at, start + length, payload), offset + at, header)
                return _Block(records, start + length, damaged)
        at = data.find(MARK, at + 1)
    if offset + len(data) >= size:
        return _Block([], 0, 0)
    skipped = len(data) - _FRAME.size  # a mark may begin in the last bytes
    return _Block([], skipped, skipped)


class _Frame(NamedTuple):
    start: int
    end: int
    payload: bytes


def _next_frame(data: bytes, at: int) -> _Frame | None:
    """Find the next whole and undamaged frame in `data`."""
    while (at := data.find(MARK, at)) != -1 and at + _FRAME.size <= len(data):
        _, length, crc = _FRAME.unpack_from(data, at)
        end = at + _FRAME.size + length
        if end <= len(data):
            payload = data[at + _FRAME.size : end]
            if zlib.crc32(payload) == crc:
                return _Frame(at, end, payload)
        at += 1
    return None


def _decode_into(records: list[AnyRecord], found: _Frame, seq: int, header: JournalHeader) -> int:
    """Append the record of a frame; return how many bytes could not be understood."""
    if seq == 0 and _is_header(found.payload):
        return 0
    try:
        record = _decode_record(found.payload)
    except msgspec.MsgspecError:  # a record of a newer version, or damage that the checksum missed
        return found.end - found.start
    place(record, header.run_id, header.writer, seq)
    records.append(record)
    return 0


def _is_header(payload: bytes) -> bool:
    try:
        _decode_header(payload)
    except msgspec.MsgspecError:
        return False
    return True


def place(record: AnyRecord, run_id: str, writer: str, seq: int) -> None:
    """Say where a record stands; done once, by the reader, on records nobody else has seen yet."""
    msgspec.structs.force_setattr(record, "run_id", run_id)
    msgspec.structs.force_setattr(record, "writer", writer)
    msgspec.structs.force_setattr(record, "seq", seq)


def journal_files(directory: Path) -> Iterator[Path]:
    """Yield the journals of a directory, oldest run first: run ids begin with their time."""
    yield from sorted(directory.glob(f"*{SUFFIX}"))
