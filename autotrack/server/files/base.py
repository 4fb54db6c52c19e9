"""What a place for files can do. Keys are `<owner>/<path>`, checked; bytes come and go in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from autotrack.errors import AutotrackError

BLOCK_BYTES = 1 << 20
MAX_PATH_BYTES, MAX_NAME_BYTES = 900, 255


class FilePathError(AutotrackError, ValueError):
    """A path is none that a file of a run could have."""


class FileMissingError(AutotrackError, LookupError):
    """There is no such file."""


class PartChangedError(AutotrackError, ValueError):
    """A part of a file is another than the one that its sender means."""


class PartName(NamedTuple):
    """A part of a file: its number, from 1, and the tag that it got; empty where the sender does not say."""

    number: int
    etag: str


class Assembled(NamedTuple):
    """What a file has that was put together: its bytes, and their SHA-256."""

    size: int
    digest: str


class Reading(Protocol):
    """A file that is being read."""

    @property
    def size(self) -> int:
        """Its bytes."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, fewer at the end and none behind it."""

    def close(self) -> None:
        """Let go of it."""


class Upload(Protocol):
    """A file on its way. Nobody sees it before `finish`, and nothing is left of it after `abort`."""

    def write(self, block: bytes, /) -> None:
        """Take the next bytes."""

    def finish(self) -> None:
        """Put it where its key says, in the place of what was there."""

    def abort(self) -> None:
        """Forget it."""


class PartUpload(Upload, Protocol):
    """A part of a file on its way."""

    @property
    def etag(self) -> str:
        """What tells it from others that were sent under its number, known at the end."""


class FileStore(Protocol):
    """A place for files. Its functions are called from any thread.

    Attributes:
        parts_pay: Whether files in parts cost no more than whole ones.
        quick: Whether a small file is kept at once, so that many are kept sooner one after the other.
    """

    parts_pay: bool
    quick: bool

    def open(self, key: str) -> Reading:
        """Open a file.

        Raises:
            FileMissingError: There is none.
        """

    def upload(self, key: str) -> Upload:
        """Begin a file.

        Raises:
            FilePathError: There cannot be one of this key.
        """

    def put(self, key: str, content: bytes) -> None:
        """Keep a file that is here as a whole, in the place of what was there.

        Raises:
            FilePathError: There cannot be one of this key.
        """

    def part(self, folder: str, number: int, size: int) -> PartUpload:
        """Begin a part of a file; the same one may be sent again.

        Args:
            folder: Of all parts of this file, and of nothing else.
            number: Its place among them, from 1.
            size: Its bytes.
        """

    def assemble(self, folder: str, parts: Sequence[PartName], key: str) -> Assembled:
        """Put parts together into a file, and forget them.

        Raises:
            FileMissingError: One has not come.
            PartChangedError: One is another than its name says.
            FilePathError: There cannot be a file of this key.
        """

    def delete(self, key: str) -> None:
        """Remove a file; one that is not there is gone already."""

    def remove_folder(self, key: str) -> None:
        """Remove all files below a key; one that has none is gone already."""

    def remove_stale(self, key: str, seconds: float) -> None:
        """Remove the files below a key that nobody has changed for so long, and what uploads have left as long ago."""

    def check(self) -> None:
        """Do nothing if files can be kept now.

        Raises:
            OSError: They cannot.
        """


def checked_path(path: str) -> str:
    """Return a path of a file below its owner's folder: plain names joined by slashes.

    Raises:
        FilePathError: It could lead elsewhere, or is longer than databases and file systems take.

    Example:
        >>> checked_path("model/data.bin")
        'model/data.bin'
    """
    data = path.encode("utf-8", "surrogatepass")
    if len(data) > MAX_PATH_BYTES or not path.isprintable() or "\\" in path:
        raise FilePathError("a path has up to 900 bytes of printable characters and no backslash")
    for name in path.split("/"):
        if name in {"", ".", ".."} or len(name.encode()) > MAX_NAME_BYTES:
            raise FilePathError("a path is made of names joined by single slashes, none of them '.' or '..'")
    return path
