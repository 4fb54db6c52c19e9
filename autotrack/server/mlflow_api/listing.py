"""Folders made of the paths that the store knows: what lies directly in one, files and folders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from autotrack.store.rows import ArtifactRow


class FileMessage(msgspec.Struct, omit_defaults=True):
    """A file or a folder, by its path from the root."""

    path: str
    is_dir: bool
    file_size: int | None = None


def list_folder(files: Iterable[ArtifactRow], folder: str) -> list[FileMessage]:
    """Return what lies directly in a folder, by path.

    Args:
        files: All below it.
        folder: Its path, empty for the root.
    """
    start = len(folder) + 1 if folder else 0
    found: dict[str, FileMessage] = {}
    for file in files:
        name, separator, _ = file.path[start:].partition("/")
        path = file.path[:start] + name
        found[path] = (
            FileMessage(path, is_dir=True) if separator else FileMessage(path, is_dir=False, file_size=file.size)
        )
    return [found[path] for path in sorted(found)]
