"""All records of a run beside what is made of them, for destinations that are written anew and cannot be added to."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import msgspec

from autotrack.backends.run_folder import RunFolder
from autotrack.records import AnyRecord

SPOOL = "records"
_LENGTH = struct.Struct("<I")


def keep_records(folder: RunFolder, records: Sequence[AnyRecord]) -> None:
    """Append records to those of a run; they count once the folder is committed.

    Args:
        folder: The run's folder.
        records: New records, in order.
    """
    data = msgspec.msgpack.encode(records)
    folder.append(SPOOL, _LENGTH.pack(len(data)) + data)


def kept_records(folder: RunFolder) -> Iterator[AnyRecord]:
    """Yield all records of a run, in the order in which they were kept."""
    data, at = folder.read(SPOOL) or b"", 0
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size + length
        yield from msgspec.msgpack.decode(data[at - length : at], type=list[AnyRecord])
