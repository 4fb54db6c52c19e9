"""Files of runs as the pages name and read them: by ids of ours, as plain bytes, and never through a link.

A file's id is a hash of its path within the run. The server looks it up among the files that the store knows of the
run; a client can name no path.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from autotrack.server.files.base import FileMissingError, FilePathError, Reading
from autotrack.server.files.local import LocalReading
from autotrack.server.replies import Refused

if TYPE_CHECKING:
    from autotrack.server.library import Library
    from autotrack.store.rows import ArtifactRow

PREVIEW_BYTES = 256 * 1024
TABLE_BYTES = 4 << 20
BLOCK_BYTES = 1 << 18

IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
"""Images that a browser may show inline: none of these formats can hold a script."""

FRAMED = {".html": "text/html", ".htm": "text/html", ".svg": "image/svg+xml"}
"""Active content, shown only in a frame without scripts and with an origin of its own."""

_TABLES = (".csv", ".tsv")
_BINARY = b"\0"


def file_id(path: str) -> str:
    """Return the id of a file of a run."""
    return hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def find_artifact(library: Library, run_id: str, wanted: str) -> ArtifactRow:
    """Find a file of a run by its id.

    Raises:
        HTTPException: The run has no such file.
    """
    with library.reading() as store:
        found = next((file for file in store.artifacts(run_id) if file_id(file.path) == wanted), None)
    if found is None:
        raise HTTPException(404)
    return found


def kind_of(artifact: ArtifactRow) -> str:
    """Say how a file is previewed: "image", "frame", "table", "json" or "text"."""
    suffix = suffix_of(artifact.path)
    if suffix in IMAGES:
        return "image"
    if suffix in FRAMED:
        return "frame"
    if suffix in _TABLES:
        return "table"
    return "json" if suffix == ".json" else "text"


def suffix_of(path: str) -> str:
    """Return the suffix of a path in lower case."""
    name = path.rpartition("/")[2]
    return name[name.rfind(".") :].lower() if "." in name else ""


def open_artifact(library: Library, folder: str, artifact: ArtifactRow) -> Reading:
    """Open a file of a run or a logged model for reading; `folder` is the id of the run, or `Owner.folder`.

    Raises:
        Refused: It is not there, or is no plain file of the run.
    """
    if library.files is not None:
        try:
            return library.files.open(f"{folder}/{artifact.path}")
        except (FileMissingError, FilePathError) as error:
            raise Refused("the file is not there", 404) from error
    path: Path = library.artifact_path(folder, artifact)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise Refused("the file is not on this machine", 404) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused("this is no file", 404)
    return LocalReading(os.fdopen(descriptor, "rb", buffering=0), os.fstat(descriptor).st_size)


def read_artifact(library: Library, folder: str, artifact: ArtifactRow, limit: int = PREVIEW_BYTES) -> bytes:
    """Read the beginning of a file."""
    with closing(open_artifact(library, folder, artifact)) as file:
        return file.read(limit)


def read_text(library: Library, run_id: str, path: str, limit: int = PREVIEW_BYTES) -> str | None:
    """Read the beginning of a file that is known by name as text; None where the run or this machine has none."""
    with library.reading() as store:
        artifact = next((file for file in store.artifacts(run_id) if file.path == path), None)
    if artifact is None:
        return None
    try:
        return read_artifact(library, run_id, artifact, limit).decode("utf-8", "replace")
    except Refused:
        return None


def is_binary(content: bytes) -> bool:
    """Say whether a file is no text."""
    return _BINARY in content[:8192]


def blocks(file: Reading) -> Iterator[bytes]:
    """Yield a file in blocks, and close it."""
    with closing(file):
        while block := file.read(BLOCK_BYTES):
            yield block
