"""Files in a directory of this machine; links in it are never followed."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from autotrack.server.files.base import Assembled, FileMissingError, FilePathError, PartName, checked_path
from autotrack.server.files.local_parts import LocalPart, assemble
from autotrack.store.network_disk import network_file_system

UPLOADS = ".uploads"
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class LocalFiles:
    """A directory.

    Args:
        root: Made where it is missing, private to the user.
    """

    parts_pay = True

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._root = root.resolve()
        self.quick = network_file_system(self._root) is None
        self._uploads = self._root / UPLOADS
        self._uploads.mkdir(mode=0o700, exist_ok=True)

    def open(self, key: str) -> LocalReading:
        """Open a file."""
        path = self._address(key)
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
        return LocalUpload(f"{self._uploads}/{secrets.token_hex(16)}", self._address(key))

    def put(self, key: str, content: bytes) -> None:
        """Keep a file that is here as a whole.

        A new one is written where it belongs: nobody looks for it before the store knows it, and the second name that
        an upload goes by until it is complete costs as much as the file.
        """
        path = self._address(key)
        try:
            target = LocalUpload(path, path)
        except OSError:  # it is there, or its folder is not, or there can be none: an upload tells these apart
            target = self.upload(key)
        try:
            target.write(content)
            target.finish()
        except BaseException:
            target.abort()
            raise

    def part(self, folder: str, number: int, size: int) -> LocalPart:
        """Begin a part of a file."""
        return LocalPart(Path(self._address(folder)), number, size, self._keep)

    def assemble(self, folder: str, parts: Sequence[PartName], key: str) -> Assembled:
        """Put parts together into a file."""
        path, whole = assemble(Path(self._address(folder)), parts)
        place_file(str(path), self._address(key))
        self.remove_folder(folder)
        return whole

    def delete(self, key: str) -> None:
        """Remove a file, and the folders that it leaves empty."""
        path = Path(self._address(key))
        path.unlink(missing_ok=True)
        with suppress(OSError):  # the first folder that is not empty ends it
            for folder in path.parents:
                if folder == self._root:
                    break
                folder.rmdir()

    def remove_folder(self, key: str) -> None:
        """Remove a folder; links in it are removed, and not followed."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._address(key))

    def remove_stale(self, key: str, seconds: float) -> None:
        """Remove the files below a key that nobody has changed for so long, and uploads that a dead process left."""
        limit = time.time() - seconds
        for folder in (self._address(key), str(self._uploads)):
            _remove_older(folder, limit)

    def check(self) -> None:
        """Do nothing if files can be kept now."""
        if not os.access(self._root, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(f"{self._root} cannot be written")

    def _keep(self, path: Path, content: bytes) -> None:
        target = LocalUpload(f"{self._uploads}/{secrets.token_hex(16)}", str(path))
        target.write(content)
        target.finish()

    def _address(self, key: str) -> str:
        """Return where a file is; its key is checked, so only a link on the way could lead elsewhere."""
        address = str(self._root)
        *folders, name = checked_path(key).split("/")
        for folder in folders:
            address = f"{address}/{folder}"
            if os.path.islink(address):
                raise FilePathError("this path leads over a link")
        return f"{address}/{name}"


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
    """A file on its way, under a name of its own until it is complete.

    Args:
        temporary: Where it is written, in a new file.
        path: Where it goes.
    """

    def __init__(self, temporary: str, path: str) -> None:
        self._temporary, self._path = temporary, path
        self._file: int | None = os.open(temporary, _NEW, 0o600)

    def write(self, block: bytes, /) -> None:
        """Take the next bytes."""
        if self._file is None:
            raise ValueError("the upload has ended")
        left = memoryview(block)
        while left:
            left = left[os.write(self._file, left) :]

    def finish(self) -> None:
        """Put it in its place."""
        self._close()
        if self._temporary == self._path:
            return
        try:
            place_file(self._temporary, self._path)
        except FilePathError:
            self.abort()
            raise

    def abort(self) -> None:
        """Forget it."""
        self._close()
        Path(self._temporary).unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _remove_older(root: str, limit: float) -> None:
    for folder, _, names in os.walk(root, topdown=False):
        with suppress(OSError):  # it is not empty, or another process does the same
            old = os.stat(folder).st_mtime < limit  # a new one is empty until the first file comes
            for name in names:
                if os.lstat(path := f"{folder}/{name}").st_mtime < limit:
                    os.unlink(path)
            if old and folder != root:
                os.rmdir(folder)


def place_file(temporary: str, path: str) -> None:
    """Move a file to where it belongs, in the place of what was there.

    Raises:
        FilePathError: There cannot be one.
    """
    try:
        try:
            os.replace(temporary, path)
        except FileNotFoundError:  # the first file of its folder
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            os.replace(temporary, path)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise FilePathError("a file and a folder cannot have the same name") from error
