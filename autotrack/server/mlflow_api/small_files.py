"""Take small files in, on one thread: all that came while those before them were written, in one go.

A small file costs some tenths of a millisecond, of Python mostly. Several threads that do this at once spend more than
that on handing the interpreter to each other; and files that are taken together need one question to the database, one
transaction, and one way to the thread and back. While they are written, the thread that reads requests mostly waits:
those who sent them do. Where files take their time, as in a bucket, each has a thread of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from autotrack.server.mlflow_api.places import Address, place_for_upload, read_address
from autotrack.server.mlflow_api.uploads import note_file
from autotrack.store.tracking.files import NewFile, Owner, add_files, find_owners, known

if TYPE_CHECKING:
    from autotrack.server.caller import Caller
    from autotrack.server.mlflow_api.endpoint import Tracking
    from autotrack.store.hot import HotConnection

PATIENCE = 0.05
"""Seconds after which files do not wait for those before them: the disk is slow today."""


class SmallFile:
    """A file that has come as a whole.

    Args:
        caller: Who sends it.
        address: Where it is to go.
        content: Its bytes.

    Attributes:
        error: Why it was not taken.
    """

    __slots__ = ("address", "caller", "content", "error")

    def __init__(self, caller: Caller, address: Address, content: bytes) -> None:
        self.caller, self.address, self.content = caller, address, content
        self.error: Exception | None = None

    @contextmanager
    def to_blame(self) -> Iterator[None]:
        """Keep what goes wrong in the block for who sent the file."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - every error has an answer
            self.error = error


class SmallFiles:
    """Where small files are brought; for one event loop.

    Args:
        tracking: Has the store, and a place for files.
    """

    def __init__(self, tracking: Tracking) -> None:
        self._tracking = tracking
        self._waiting: list[tuple[SmallFile, asyncio.Future[None]]] = []
        self._since = math.inf
        self._working: asyncio.Task[None] | None = None

    async def take(self, caller: Caller, address: str, content: bytes) -> None:
        """Bring a file to where its address says, and make it known.

        Raises:
            ProtocolError: The caller may not send it, or the address is none.
            AutotrackError: There can be no such file.
        """
        file = SmallFile(caller, read_address(address), content)
        if self._tracking.files.quick and time.monotonic() - self._since < PATIENCE:
            await self._with_others(file)
        else:
            await run_in_threadpool(take_in, self._tracking, [file])
        if file.error is not None:
            raise file.error

    async def _with_others(self, file: SmallFile) -> None:
        taken = asyncio.get_running_loop().create_future()
        self._waiting.append((file, taken))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        await taken

    async def _work(self) -> None:
        """Take in what waits, until nothing does. It begins when all requests that are here have been read."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            self._since = time.monotonic()
            await self._take([file for file, _ in batch])
            self._since = math.inf
            for _, taken in batch:
                if not taken.done():  # or its request was given up
                    taken.set_result(None)
        self._working = None

    async def _take(self, files: list[SmallFile]) -> None:
        try:
            await asyncio.to_thread(take_in, self._tracking, files)  # half as long a way as that of `run_in_threadpool`
        except Exception as error:  # noqa: BLE001 - whatever it is, all who wait hear of it
            for file in files:
                file.error = file.error or error


def take_in(tracking: Tracking, files: Sequence[SmallFile]) -> None:
    """Bring files to where their addresses say, and make them known; one that cannot be has its `error` set.

    Raises:
        SQLAlchemyError: The database does not answer, and none is known.
    """
    with tracking.store.hot_step() as connection:
        kept = _keep(tracking, _owners(connection, files), files)
        if _noted(tracking, connection, [row for row, _ in kept]):
            return
    for row, file in kept:  # which of them is to blame?
        with file.to_blame():
            note_file(tracking, row)


def _owners(connection: HotConnection, files: Sequence[SmallFile]) -> dict[str, Owner]:
    uids: dict[str, set[str]] = {}
    for file in files:
        uids.setdefault(file.address.kind, set()).add(file.address.uid)
    found = [find_owners(connection, kind, wanted) for kind, wanted in uids.items()]
    return {uid: owner for owners in found for uid, owner in owners.items()}


def _keep(
    tracking: Tracking, owners: Mapping[str, Owner], files: Sequence[SmallFile]
) -> list[tuple[NewFile, SmallFile]]:
    """Write files where they belong; return them in an order in which no two processes wait for each other's rows."""
    kept = []
    for file in files:
        with file.to_blame():
            kind, uid, path = file.address
            place = place_for_upload(known(owners, kind, uid), path, file.caller)
            tracking.files.put(place.key, file.content)
            row = NewFile(*place, len(file.content), hashlib.sha256(file.content).hexdigest())
            kept.append((row, file))
    return sorted(kept, key=lambda one: (one[0].owner.row, one[0].path))


def _noted(tracking: Tracking, connection: HotConnection, rows: Sequence[NewFile]) -> bool:
    """Make files known; say so if one of them cannot be, because what it belongs to is gone since it was admitted."""
    try:
        with tracking.turn, connection.together() if len(rows) > 1 else nullcontext():
            add_files(connection, rows)
    except IntegrityError:
        return False
    return True
