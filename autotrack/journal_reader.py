"""Read journals: every whole frame before and after any damage, from any offset, while the file still grows."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from autotrack.journal import FRAME, MARK, SUFFIX, JournalHeader
from autotrack.records import AnyRecord

MAX_PAYLOAD = 1 << 30
READ_SIZE = 1 << 20

_decode_record = msgspec.msgpack.Decoder(AnyRecord).decode
_decode_header = msgspec.msgpack.Decoder(JournalHeader).decode


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
    while at != -1 and len(data) - at >= FRAME.size:
        _, length, crc = FRAME.unpack_from(data, at)
        start = at + FRAME.size
        if length <= MAX_PAYLOAD and offset + start + length <= size:
            payload = os.pread(fd, length, offset + start)
            if zlib.crc32(payload) == crc:
                records: list[AnyRecord] = []
                damaged = at + _decode_into(records, _Frame(at, start + length, payload), offset + at, header)
                return _Block(records, start + length, damaged)
        at = data.find(MARK, at + 1)
    if offset + len(data) >= size:
        return _Block([], 0, 0)
    skipped = len(data) - FRAME.size  # a mark may begin in the last bytes
    return _Block([], skipped, skipped)


class _Frame(NamedTuple):
    start: int
    end: int
    payload: bytes


def _next_frame(data: bytes, at: int) -> _Frame | None:
    """Find the next whole and undamaged frame in `data`."""
    while (at := data.find(MARK, at)) != -1 and at + FRAME.size <= len(data):
        _, length, crc = FRAME.unpack_from(data, at)
        end = at + FRAME.size + length
        if end <= len(data):
            payload = data[at + FRAME.size : end]
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
