"""Where a server keeps the bytes of files: a directory of this machine, or an object store."""

from __future__ import annotations

from pathlib import Path

from autotrack.server.files.base import FileStore


def open_files(address: str) -> FileStore:
    """Open the place that an address names: a path, or a URL such as `s3://bucket/prefix`.

    Raises:
        MissingDependencyError: The extra `server` is not installed.
        ServerError: There is no such place.
    """
    if "://" not in address:
        from autotrack.server.files.local import LocalFiles

        return LocalFiles(Path(address).expanduser().absolute())
    from autotrack.server.files.objects import ObjectFiles

    return ObjectFiles(address)
