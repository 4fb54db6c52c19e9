"""Keep equal files of models once: they become several names of the same bytes on disk.

Trainings often save the same model again, or the same base files beside it. Where the file system has no hard links,
each model keeps its own copy.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from autotrack.models.digests import sha256_of
from autotrack.models.folder import ModelFile

LEAST_SIZE = 4096
"""Bytes below which a file is left alone: a disk block is no smaller."""


def share_files(directory: Path, files: Iterable[ModelFile], objects: Path) -> int:
    """Replace files of a folder by links to equal ones that are kept already, and keep the others for later.

    The files become read-only, because changing one would change all that are equal to it.

    Args:
        directory: A model folder.
        files: Its files with their hashes.
        objects: Where the files are kept by hash, on the same file system; made where missing.

    Returns:
        How many bytes were there already.

    Raises:
        OSError: The disk refuses. Every file of the folder is whole nevertheless.
    """
    saved = 0
    for file in files:
        if file.size >= LEAST_SIZE and _share(directory / file.path, file.sha256, objects):
            saved += file.size
    return saved


def _share(path: Path, digest: str, objects: Path) -> bool:
    """Link one file; say whether an equal one was there already."""
    kept = objects / digest[:2] / digest[2:]
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _drop_unused(kept.parent)
    path.chmod(0o400)
    try:
        os.link(path, kept)
    except FileExistsError:
        return _replace(path, kept, digest)
    except OSError:  # no hard links here, or too many of this file
        return False
    return False


def _replace(path: Path, kept: Path, digest: str) -> bool:
    if sha256_of(kept) != digest:  # somebody has changed it: the new one is right
        kept.unlink()
        os.link(path, kept)
        return False
    link = path.with_name(f".{path.name}.link")
    link.unlink(missing_ok=True)
    os.link(kept, link)
    link.replace(path)
    return True


def _drop_unused(folder: Path) -> None:
    """Delete kept files whose models are gone, in the folder that is being worked on anyway."""
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):  # another process does the same
            if entry.stat().st_nlink == 1:
                os.unlink(entry.path)
