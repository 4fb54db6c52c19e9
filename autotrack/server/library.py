"""What the pages read: the runs of one place, shared by all requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autotrack.errors import StoreUnavailableError
from autotrack.history import History
from autotrack.store.browsing import KeyCount, change_mark, count_all_keys

if TYPE_CHECKING:
    from pathlib import Path

    from autotrack.place import Place
    from autotrack.server.files.base import FileStore
    from autotrack.store.rows import ArtifactRow
    from autotrack.store.store import Store

QUERY_SECONDS = 5.0


class Library:
    """The runs of a place. Requests read through connections that cannot change anything.

    Args:
        place: Where the runs are.
        files: Where their files are, if not beside the store.
    """

    def __init__(self, place: Place, files: FileStore | None = None) -> None:
        self.files = files
        self.history = History(place, query_seconds=QUERY_SECONDS)
        self._keys: dict[str | None, tuple[str, list[KeyCount]]] = {}
        self._recovering = threading.Lock()

    @property
    def label(self) -> str:
        """What to call the store."""
        return self.history.place.label

    def exists(self) -> bool:
        """Say whether there is a store yet: before the first run there is none."""
        database = self.history.place.database
        return database is None or database.exists()

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """Give the store for reading.

        Raises:
            StoreUnavailableError: It is not there, or a query took too long.
        """
        with self.history.reading() as store:
            yield store

    @contextmanager
    def writing(self) -> Iterator[Store]:
        """Give the store for changes that a person makes."""
        with self.history.writing() as store:
            yield store

    def mark(self) -> str:
        """Return a text that differs as soon as something in the store has changed."""
        if not self.exists():
            return ""
        with self.reading() as store:
            return change_mark(store)

    def keys(self, experiment: str | None) -> list[KeyCount]:
        """Return all params, metrics and tags that runs have; counted again when something has changed."""
        mark = self.mark()
        known = self._keys.get(experiment)
        if known is None or known[0] != mark:
            with self.reading() as store:
                known = self._keys[experiment] = (mark, count_all_keys(store, experiment))
        return known[1]

    def catch_up(self) -> None:
        """Bring in what processes that have ended left on disk. One thread does so at a time."""
        if not self.exists() or not self._recovering.acquire(blocking=False):
            return
        try:
            self.history.catch_up()
        finally:
            self._recovering.release()

    def artifact_path(self, folder: str, artifact: ArtifactRow) -> Path:
        """Return where a file of a run or a logged model lies. The path comes from the store, never from a client.

        Raises:
            StoreUnavailableError: It leads out of its owner's own directory, or is a link.
        """
        root = self.history.home.artifacts.resolve() / folder
        path = root / artifact.path
        real = path.resolve()
        if real != path or not real.is_relative_to(root):
            raise StoreUnavailableError("a file lies outside of the directory of its run or model")
        return real

    def close(self) -> None:
        """Close all connections."""
        self.history.close()
