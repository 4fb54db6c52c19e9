"""Take files in: small ones in one step, larger ones as a stream, hashed on the way.

A file is known to the store when all of it is in its place, and not before.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from autotrack.server.context import caller_of
from autotrack.server.files.base import BLOCK_BYTES, Upload
from autotrack.server.mlflow_api.places import Place, place_for_upload, read_address
from autotrack.store.tracking.files import NewFile, add_files, owner_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from autotrack.server.mlflow_api.endpoint import Tracking
    from autotrack.server.mlflow_api.small_files import SmallFiles


async def receive_file(request: Request, tracking: Tracking, address: str) -> None:
    """Bring the body of a request to where the file of an address belongs.

    Raises:
        ProtocolError: The caller may not, or there can be no such file.
        ClientDisconnect: The body ended early; nothing is left of it.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) <= BLOCK_BYTES:
        small: SmallFiles = request.app.state.small_files
        await small.take(caller_of(request), address, await request.body())
        return
    place = await run_in_threadpool(admit_upload, tracking, request, address)
    target = Hashed(await run_in_threadpool(tracking.files.upload, place.key))
    await Stream(target).receive(request)
    await run_in_threadpool(note_file, tracking, NewFile(*place, target.size, target.digest))


class Hashed:
    """A file on its way whose bytes are counted and hashed.

    Args:
        target: Where it goes.
    """

    def __init__(self, target: Upload) -> None:
        self.size = 0
        self._target, self._hash = target, hashlib.sha256()
        self.finish, self.abort = target.finish, target.abort

    @property
    def digest(self) -> str:
        """SHA-256 of what came."""
        return self._hash.hexdigest()

    def write(self, block: bytes, /) -> None:
        """Take the next bytes."""
        self._hash.update(block)
        self.size += len(block)
        self._target.write(block)


class Stream:
    """A file that comes in pieces; one block is written while the next one arrives.

    Args:
        target: Where it goes.
    """

    def __init__(self, target: Upload) -> None:
        self._target = target
        self._held: list[bytes] = []
        self._held_size = 0
        self._writing: asyncio.Future[None] | None = None

    async def receive(self, request: Request) -> None:
        """Bring the body of a request to where it goes.

        Raises:
            ClientDisconnect: The body ended early; nothing is left of it.
        """
        try:
            async for chunk in request.stream():
                await self.feed(chunk)
            await self.finish()
        except BaseException:
            await self.abort()
            raise

    async def feed(self, chunk: bytes) -> None:
        """Take a piece."""
        self._held.append(chunk)
        self._held_size += len(chunk)
        if self._held_size >= BLOCK_BYTES:
            await self._write()

    async def finish(self) -> None:
        """Put the file in its place."""
        await self._write()
        await self._written()
        await run_in_threadpool(self._target.finish)

    async def abort(self) -> None:
        """Forget the file."""
        with suppress(Exception):  # what went wrong is on its way to the caller
            await self._written()
        await run_in_threadpool(self._target.abort)

    async def _write(self) -> None:
        await self._written()
        blocks, self._held, self._held_size = self._held, [], 0
        self._writing = asyncio.ensure_future(run_in_threadpool(self._take, blocks))

    async def _written(self) -> None:
        if self._writing is not None:
            await self._writing

    def _take(self, blocks: list[bytes]) -> None:
        for block in blocks:  # not joined: that would copy each byte once more
            self._target.write(block)


def admit_upload(tracking: Tracking, request: Request, address: str) -> Place:
    """Say where the file of an address goes, if who asks may send it.

    Raises:
        ProtocolError: The caller may not, or there can be no such file.
        ConflictError: It would belong to a run that is deleted.
    """
    asked = read_address(address)
    with tracking.store.hot_reading() as connection:
        owner = owner_of(connection, asked.kind, asked.uid)
    return place_for_upload(owner, asked.path, caller_of(request))


def note_file(tracking: Tracking, file: NewFile) -> None:
    """Make a file known to the store."""
    with tracking.step() as connection:
        add_files(connection, [file])
