"""The files of a model folder and their SHA-256 hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

_CHUNK = 1 << 20


def files_of(directory: Path) -> list[Path]:
    """Return the files below a directory, sorted; caches of compiled Python, which are never read, aside."""
    return sorted(path for path in directory.rglob("*") if path.is_file() and path.parent.name != "__pycache__")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hex; it is read in pieces of 1 MB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
