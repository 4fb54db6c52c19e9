"""Files in a directory of this machine; links in it are never followed."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from autotrack.server.files.base import FileMissingError, FilePathError, checked_path

UPLOADS = ".uploads"


class LocalFiles:
    """A directory.

    Args:
        root: Made where it is missing, private to the user.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._root = root.resolve()

    def open(self, key: str) -> LocalReading:
        """Open a file."""
        path = self._path(key)
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            raise FileMissingError("there is no such file") from error
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            raise FileMissingError("this is no file")
        return LocalReading(os.fdopen(descriptor, "rb", buffering=0), found.st_size)

    def upload(self, key: str) -> LocalUpload:
        """Begin a file."""
        path = self._path(key)
        if path.is_dir():
            raise FilePathError("there is a folder of this name")
        folder = self._root / UPLOADS
        folder.mkdir(mode=0o700, exist_ok=True)
        return LocalUpload(folder / secrets.token_hex(16), path)

    def delete(self, key: str) -> None:
        """Remove a file, and the folders that it leaves empty."""
        path = self._path(key)
        path.unlink(missing_ok=True)
        with suppress(OSError):  # the first folder that is not empty ends it
            for folder in path.parents:
                if folder == self._root:
                    break
                folder.rmdir()

    def check(self) -> None:
        """Do nothing if files can be kept now."""
        if not os.access(self._root, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(f"{self._root} cannot be written")

    def _path(self, key: str) -> Path:
        path = self._root / checked_path(key)
        if path.parent.resolve() != path.parent or not path.is_relative_to(self._root):
            raise FilePathError("this path leads over a link")
        return path


class LocalReading:
    """A file that is being read."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""
        return self._file.read(size)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


class LocalUpload:
    """A file on its way, under a name of its own until it is complete."""

    def __init__(self, temporary: Path, path: Path) -> None:
        self._temporary, self._path = temporary, path
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)

    def write(self, block: bytes, /) -> None:
        """Take the next bytes."""
        while block:
            block = block[self._file.write(block) :]

    def finish(self) -> None:
        """Put it in its place."""
        self._file.close()
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.replace(self._temporary, self._path)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            self._temporary.unlink(missing_ok=True)
            raise FilePathError("a file and a folder cannot have the same name") from error

    def abort(self) -> None:
        """Forget it."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)
