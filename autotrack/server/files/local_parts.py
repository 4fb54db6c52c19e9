"""Parts of a file in a directory, several at once, each written once and where the whole file will have it.

Parts of one size lie in one file, each behind those with a smaller number. All parts of a file have the same size as a
rule, but for the last: then the file with the others becomes the whole one, and only the last part is copied into it.
What sizes come, and in which order, nobody knows beforehand; others are put together by copying. A small file beside
them for each part says that all of it has come.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from autotrack.server.files.base import BLOCK_BYTES, Assembled, FileMissingError, PartChangedError, PartName

_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class LocalPart:
    """A part on its way. Its tag is by chance: the whole file is hashed at the end, and no byte of it twice.

    Args:
        folder: Of the parts of one file.
        number: From 1.
        size: Its bytes, which the folder's file for parts of this size has a place for.
        keep: Writes a small file, all of it or nothing.
    """

    def __init__(self, folder: Path, number: int, size: int, keep: Callable[[Path, bytes], None]) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._note = folder / str(number)
        self._note.unlink(missing_ok=True)  # a part that is sent again takes the place of what was there
        self._size, self._keep = size, keep
        self.etag = secrets.token_hex(16)
        self._file: int | None = os.open(_data(folder, size), os.O_CREAT | os.O_WRONLY | _LINKS, 0o600)
        os.lseek(self._file, (number - 1) * size, os.SEEK_SET)

    def write(self, block: bytes, /) -> None:
        """Take the next bytes."""
        if self._file is None:
            raise ValueError("the part has ended")
        left = memoryview(block)
        while left:
            left = left[os.write(self._file, left) :]

    def finish(self) -> None:
        """Say that all of it is there."""
        self.abort()
        self._keep(self._note, f"{self._size} {self.etag}".encode())

    def abort(self) -> None:
        """End; without its note it counts as not sent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class _Piece(NamedTuple):
    """Where a part is, and where it goes."""

    size: int
    source: int
    target: int


def assemble(folder: Path, parts: Sequence[PartName]) -> tuple[Path, Assembled]:
    """Put parts together.

    Args:
        folder: Has them.
        parts: In their order.

    Returns:
        A file in the folder, and what it has.

    Raises:
        FileMissingError: One has not come.
        PartChangedError: One is another than its name says.
    """
    pieces, end = [], 0
    for number, etag in parts:
        size = _size(folder / str(number), etag)
        pieces.append(_Piece(size, (number - 1) * size, end))
        end += size
    first = pieces[0].size
    in_place = all(piece.source == piece.target for piece in pieces if piece.size == first)
    whole = _data(folder, first) if in_place else folder / "whole"
    target = os.open(whole, os.O_CREAT | os.O_RDWR | _LINKS, 0o600)
    try:
        for piece in pieces:
            if not in_place or piece.size != first:
                _copy(_data(folder, piece.size), target, piece)
        os.ftruncate(target, end)
        return whole, Assembled(end, _digest(target))
    finally:
        os.close(target)


def _data(folder: Path, size: int) -> Path:
    return folder / f"of-{size}"


def _size(note: Path, etag: str) -> int:
    try:
        size, _, found = note.read_text().partition(" ")
    except FileNotFoundError as error:
        raise FileMissingError("a part has not come") from error
    if etag and etag != found:
        raise PartChangedError("a part is another than the one that was sent; begin again")
    return int(size)


def _copy(source: Path, target: int, piece: _Piece) -> None:
    os.lseek(target, piece.target, os.SEEK_SET)
    with source.open("rb", buffering=0) as file:
        file.seek(piece.source)
        left = piece.size
        while left and (block := file.read(min(left, BLOCK_BYTES))):
            left -= len(block)
            rest = memoryview(block)
            while rest:
                rest = rest[os.write(target, rest) :]


def _digest(file: int) -> str:
    found = hashlib.sha256()
    os.lseek(file, 0, os.SEEK_SET)
    while block := os.read(file, BLOCK_BYTES):
        found.update(block)
    return found.hexdigest()
