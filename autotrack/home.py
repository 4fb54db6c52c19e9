"""The directory where a process keeps journals and artifacts, usually `.autotrack` in the working directory.

Layout: `store.db` (the embedded store), `artifacts/<run_id>/…`, `journal/<run_id>-<writer>.journal`. Directories are
0700 and files 0600: runs may hold data. Where the directory cannot be written, a temporary one takes its place, with
one warning, because tracking must never stop a training.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

from autotrack.errors import StoreUnavailableError

logger = logging.getLogger("autotrack")

DIRECTORY_NAME = ".autotrack"


class Home:
    """Paths below one directory; makes them on first use.

    Args:
        root: The directory itself.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.artifacts = root / "artifacts"
        self.journals = root / "journal"
        self.owners = self.journals / "owners"

    def run_artifacts(self, run_id: str) -> Path:
        """Return the directory of a run's artifacts, which may not exist yet."""
        return self.artifacts / run_id

    def create(self) -> Home:
        """Make the directories, private to the user.

        Raises:
            StoreUnavailableError: They cannot be made or written.
        """
        try:
            for directory in (self.root, self.artifacts, self.journals, self.owners):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            ignore = self.root / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
        except OSError as error:
            raise StoreUnavailableError(f"cannot create {self.root}: {error.strerror or error}") from error
        if not os.access(self.journals, os.W_OK | os.X_OK):
            raise StoreUnavailableError(f"cannot write in {self.journals}: permission denied")
        return self


def open_home(root: Path) -> Home:
    """Return a home that can be written: `root`, or a temporary directory where `root` cannot be used."""
    try:
        return Home(root.absolute()).create()
    except StoreUnavailableError as error:
        fallback = fallback_root()
        logger.warning("%s; recording into %s instead", error, fallback)
        return Home(fallback).create()


def fallback_root() -> Path:
    """Return the directory used where the wanted one cannot be written."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return Path(tempfile.gettempdir()) / f"autotrack-{user}"
