"""A directory per run whose files only grow or are replaced whole, with the place up to which all of it is valid.

A file that only grows cannot take a line twice, and a crash may leave half of one. So beside the files stands
`.state.json`: which records have been taken, and how long each growing file was then. Whatever is longer belongs to a
batch that was never finished; it is cut off before that batch is written again. That makes exactly-once from
at-least-once for any format made of appended pieces.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import unquote

import msgspec

from autotrack.errors import StoreUnavailableError

STATE = ".state.json"


def target_directory(url: str) -> Path:
    """Return the directory that `<scheme>:///absolute/dir` or `<scheme>://relative/dir` names.

    Raises:
        StoreUnavailableError: It names none.
    """
    scheme, _, path = url.partition("://")
    if not path:
        raise StoreUnavailableError(
            f"{url} names no directory; write {scheme}:///absolute/dir or {scheme}://relative/dir"
        )
    return Path(unquote(path)).expanduser().absolute()


class State(msgspec.Struct):
    """What of a directory is valid.

    Attributes:
        writers: For each writer, the `seq` of the last record taken.
        sizes: Bytes of each growing file.
    """

    writers: dict[str, int] = {}
    sizes: dict[str, int] = {}


class RunFolder:
    """The files of one run; nothing counts before `commit`.

    Args:
        path: The directory; made where missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        try:
            self.state = msgspec.json.decode((path / STATE).read_bytes(), type=State)
        except FileNotFoundError:
            self.state = State()
        self._cut_unfinished()

    def _cut_unfinished(self) -> None:
        for name, size in self.state.sizes.items():
            file = self.path / name
            if file.exists() and file.stat().st_size > size:
                os.truncate(file, size)

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a file."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        known = self.state.sizes.get(name, 0)
        with file.open("r+b" if file.exists() else "wb") as stream:
            stream.truncate(known)
            stream.seek(known)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        self.state.sizes[name] = known + len(data)

    def replace(self, name: str, content: bytes | Path) -> None:
        """Put a file in place, whole or not at all; a `Path` is copied."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        if isinstance(content, Path):
            shutil.copyfile(content, part)
        else:
            part.write_bytes(content)
        part.replace(target)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None where there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def commit(self, writers: dict[str, int]) -> None:
        """Make all that was done since the last time count, and remember which records it was."""
        self.state.writers.update(writers)
        self.replace(STATE, msgspec.json.encode(self.state))
