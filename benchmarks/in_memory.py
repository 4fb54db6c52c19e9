"""A folder for files of servers that are measured: in memory, where there is such a file system.

On a disk with ext4 each new file costs up to half a millisecond more in the minutes after thousands were deleted: by
the run before, or by another server's temporary files. All pay for what one deletes, the quickest in proportion most.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - in it a folder of our own


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """Give a new folder, removed at the end; on the disk where there is none in memory."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)
