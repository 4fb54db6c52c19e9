"""What was recorded, read back: find runs, look into them, delete and restore them.

Reading sees everything this process has logged and everything that processes now ended have left on disk. It never
creates a store, and never changes one that is damaged, but leaves word of it; one of an older autotrack is brought up
to date.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autotrack import recording
from autotrack.backends import open_backend
from autotrack.backends.base import BackendContext
from autotrack.errors import OlderSchemaError, StoreUnavailableError, UnsupportedValueError
from autotrack.home import Home
from autotrack.place import Place, find_place, missing_store
from autotrack.run_list import RunList
from autotrack.stored_run import StoredRun
from autotrack.sync import recover_into

if TYPE_CHECKING:
    from autotrack.store.store import Store

logger = logging.getLogger("autotrack")

FLUSH_SECONDS = 10.0
CONVERSION_SECONDS = 20.0
"""How long reading waits for models that are being converted; the others stay as they are."""


class History:
    """The runs of one place.

    Args:
        place: Where they are.
        query_seconds: Give up reading that takes longer; by default none is.
    """

    def __init__(self, place: Place, *, query_seconds: float | None = None) -> None:
        self.place = place
        self._query_seconds = query_seconds
        self._opening = threading.Lock()
        self.home = Home(place.home)
        self._opened: Store | None = None
        self._identity: tuple[int, int] | None = None

    def search(
        self,
        filter: str | None = None,  # noqa: A002 - the word users know
        *,
        experiment: str | None = None,
        order_by: str | None = None,
        limit: int | None = None,
        deleted: bool = False,
    ) -> RunList:
        """Find runs; see `autotrack.search_runs`. With `deleted`, those in the trash."""
        if limit is not None and not (type(limit) is int and limit >= 0):
            raise UnsupportedValueError(f"limit is a whole number, 0 or more, or None for all; got {limit!r}")
        with self.reading() as store:
            rows = store.search(filter, experiment=experiment, order_by=order_by, limit=limit, deleted=deleted)
        return RunList(StoredRun(row, self) for row in rows)

    def get(self, run_id: str) -> StoredRun:
        """Return one run by id, unique beginning of one, name or "@last"; see `autotrack.get_run`."""
        with self.reading() as store:
            return StoredRun(store.find_run(run_id), self)

    def children(self, run_id: str) -> RunList:
        """Return the runs below a run, in the order in which they started."""
        with self.reading() as store:
            return RunList(StoredRun(row, self) for row in store.children(run_id))

    def count_children(self, runs: Collection[StoredRun]) -> Counter[str]:
        """Count the runs below each of some runs."""
        wanted = {run.id for run in runs}
        with self.reading() as store:
            below = store.search("parent is not null", with_values=False)
        return Counter(row.parent_id for row in below if row.parent_id in wanted)

    def delete(self, run_id: str) -> list[StoredRun]:
        """Move a run and those below it to the trash; return them."""
        return self._move(run_id, deleted=False)

    def restore(self, run_id: str) -> list[StoredRun]:
        """Bring a run and those below it back; return them."""
        return self._move(run_id, deleted=True)

    def _move(self, run_id: str, *, deleted: bool) -> list[StoredRun]:
        moved = [self.get(run_id)]
        for run in moved:  # grows while it is walked: whole families move
            below = self.search(f'parent = "{run.id}"', deleted=deleted)
            moved += sorted(below, key=lambda child: child.id)
        with self.reading(), self.writing() as store:
            for run in moved:
                (store.restore_run if deleted else store.delete_run)(run.id)
        return moved

    @contextmanager
    def writing(self) -> Iterator[Store]:
        """Give the store, open for changes.

        Raises:
            StoreUnavailableError: It cannot be reached, is damaged, or others keep it locked.
        """
        from autotrack.store.store import Store

        with self._explained(), Store.open(self.place.url) as store:
            yield store

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """Give the store, open for reading.

        Raises:
            StoreUnavailableError: It is not there, cannot be reached or is damaged.
        """
        with self._explained():
            with self._opening:
                store = self._store()
            yield store

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn complaints of the database into one that says which store it is."""
        from sqlalchemy.exc import DBAPIError

        from autotrack.store.damage import is_damage, mark

        try:
            yield
        except DBAPIError as error:
            if not is_damage(error):
                raise StoreUnavailableError(f"the store {self.place.label} cannot be used now: {error.orig}") from error
            if self.place.database is not None:
                mark(self.place.database, self._identity)
            raise StoreUnavailableError(
                f"the store {self.place.label} is damaged: {error.orig}. The next run that is recorded moves it aside, "
                "deletes nothing of it, and begins a new one"
            ) from error

    def _store(self) -> Store:
        """Open the store, anew where its file was replaced."""
        from autotrack.store.damage import file_identity

        database = self.place.database
        identity = file_identity(database) if database else None
        if self._opened is None or identity != self._identity:
            if database is not None and identity is None:
                raise StoreUnavailableError(missing_store(database))
            self.close()
            self._opened, self._identity = self._open(), identity
            weakref.finalize(self, self._opened.close)
        return self._opened

    def _open(self) -> Store:
        """Open the store for reading, after the upgrade that a new autotrack may need."""
        from autotrack.store.store import Store

        try:
            return Store.open(self.place.url, create=False, query_seconds=self._query_seconds)
        except OlderSchemaError:
            Store.open(self.place.url).close()
            return Store.open(self.place.url, create=False, query_seconds=self._query_seconds)

    def close(self) -> None:
        """Let go of the store; reading opens it again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def catch_up(self) -> None:
        """Bring into the store what this process has logged, and what ended processes have left on disk."""
        recorder = recording.open_recorder()
        target = self.place.target
        if recorder is not None and target in recorder.delivery.targets:
            if recorder.conversions is not None:
                recorder.conversions.hurry(CONVERSION_SECONDS)
            if not recorder.flush(FLUSH_SECONDS, [target]):
                logger.warning(
                    "the last records of this process are not in the store yet: it took too long to deliver them"
                )
        context = BackendContext(home=self.home.root, artifacts=self.home.artifacts)
        outcome = recover_into(self.home, {target: lambda: open_backend(self.place.url, context)})
        for reason in outcome.errors.values():
            logger.warning("runs of ended processes wait in %s: %s", self.home.journals, reason)


_history: History | None = None


def current_history() -> History:
    """Return what can be read with the settings in force, up to date.

    Raises:
        StoreUnavailableError: Nothing can be read with these settings.
    """
    global _history  # noqa: PLW0603 - opening a store takes longer than reading it
    place = find_place(recording.current_settings())
    if _history is None or _history.place != place:
        _history = History(place)
    _history.catch_up()
    return _history
