"""Files in an object store: S3, GCS, Azure and what speaks like them, with the credentials of the environment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from autotrack.errors import MissingDependencyError
from autotrack.server.files.base import (
    BLOCK_BYTES,
    Assembled,
    FileMissingError,
    PartChangedError,
    PartName,
    checked_path,
)
from autotrack.server.launch import ServerError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

PART_BYTES = 8 << 20
"""Files above this go up in parts, several at once."""


class ObjectFiles:
    """A bucket, or the part of one below a prefix.

    Args:
        address: Such as `s3://bucket/prefix`. What else is needed to reach it stands in the environment: for S3
            `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL` and so on.

    Raises:
        MissingDependencyError: obstore is not installed.
        ServerError: There can be no bucket at this address.
    """

    parts_pay = False  # all bytes of them go through this process once more
    quick = False

    def __init__(self, address: str) -> None:
        try:
            import obstore
            from obstore.exceptions import BaseError
            from obstore.store import from_url
        except ModuleNotFoundError as error:
            raise MissingDependencyError(error.name or "obstore", "server") from error
        self._api = obstore
        scheme = address.partition("://")[0]
        if scheme in {"http", "https", "file", "memory"}:
            raise ServerError(f"files cannot be kept at {scheme}://; give a path, or s3://, gs:// or az://")
        options: Any = {"client_options": {"allow_http": True}} if scheme.startswith("s3") else {}
        try:
            self._store: ObjectStore = from_url(address, **options)
        except (BaseError, ValueError) as error:
            raise ServerError(f"there can be no bucket at {scheme}://: {error}") from error

    def open(self, key: str) -> ObjectReading:
        """Open a file."""
        try:
            return ObjectReading(self._api.open_reader(self._store, checked_path(key), buffer_size=PART_BYTES))
        except FileNotFoundError as error:
            raise FileMissingError("there is no such file") from error

    def upload(self, key: str) -> ObjectUpload:
        """Begin a file."""
        return ObjectUpload(self._writer(key))

    def put(self, key: str, content: bytes) -> None:
        """Keep a file that is here as a whole, in one request."""
        self._api.put(self._store, checked_path(key), content, use_multipart=False)

    def part(self, folder: str, number: int, size: int) -> ObjectPart:
        """Begin a part of a file; it is an object of its own."""
        del size
        return ObjectPart(
            self._api.open_writer(self._store, checked_path(f"{folder}/{number}"), buffer_size=PART_BYTES)
        )

    def assemble(self, folder: str, parts: Sequence[PartName], key: str) -> Assembled:
        """Put parts together into a file, through this process."""
        target, whole, size = self.upload(key), hashlib.sha256(), 0
        try:
            for part in parts:
                for block in self._blocks(f"{folder}/{part.number}", part.etag):
                    whole.update(block)
                    target.write(block)
                    size += len(block)
            target.finish()
        except BaseException:
            target.abort()
            raise
        self.remove_folder(folder)
        return Assembled(size, whole.hexdigest())

    def _writer(self, key: str) -> Any:
        return self._api.open_writer(self._store, checked_path(key), buffer_size=PART_BYTES)

    def _blocks(self, key: str, etag: str) -> Iterator[bytes]:
        found = hashlib.sha256()
        with closing(self.open(key)) as file:
            while block := file.read(BLOCK_BYTES):
                found.update(block)
                yield block
        if etag and etag != found.hexdigest():
            raise PartChangedError("a part is another than the one that was sent; begin again")

    def delete(self, key: str) -> None:
        """Remove a file."""
        try:
            self._api.delete(self._store, checked_path(key))
        except FileNotFoundError:
            return  # gone already

    def remove_folder(self, key: str) -> None:
        """Remove all files below a key."""
        for found in self._store.list(f"{checked_path(key)}/"):
            self._api.delete(self._store, [file["path"] for file in found])

    def remove_stale(self, key: str, seconds: float) -> None:
        """Remove the files below a key that nobody has changed for so long; unfinished ones are the bucket's affair."""
        limit = datetime.now(timezone.utc) - timedelta(seconds=seconds)
        for found in self._store.list(f"{checked_path(key)}/"):
            if old := [file["path"] for file in found if file["last_modified"] < limit]:
                self._api.delete(self._store, old)

    def check(self) -> None:
        """Do nothing if the bucket answers."""
        next(iter(self._store.list(chunk_size=1)), None)


class ObjectReading:
    """A file that is being read."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.size = int(reader.size)

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""
        return bytes(self._reader.read(size))

    def close(self) -> None:
        """Let go of it."""
        self._reader.close()


class ObjectUpload:
    """A file on its way; the store shows it when it is closed, and never if it is not."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, block: bytes, /) -> None:
        """Take the next bytes."""
        self._writer.write(block)

    def finish(self) -> None:
        """Put it in its place."""
        self._writer.close()

    def abort(self) -> None:
        """Forget it; what went up already stays until the bucket's rule for unfinished uploads removes it."""
        self._writer = None


class ObjectPart(ObjectUpload):
    """A part of a file on its way; its tag is its SHA-256."""

    def __init__(self, writer: Any) -> None:
        super().__init__(writer)
        self._hash = hashlib.sha256()

    @property
    def etag(self) -> str:
        """What tells it from others."""
        return self._hash.hexdigest()

    def write(self, block: bytes, /) -> None:
        """Take the next bytes."""
        self._hash.update(block)
        super().write(block)
