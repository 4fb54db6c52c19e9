"""Files that come in parts, several at once: begun, each part sent by itself, put together or given up.

Until all are there, parts lie in a folder whose name holds the run or model that they are for; so any process of any
machine can take any part, and none of them remembers anything. Parts go through the server as whole files do: a client
sends each to the address it was given. MLflow's sends nothing with a part but what the answer told it to send, and that
is a pass to this address, good for some hours: what opens the account stays with the requests of the protocol.
"""

from __future__ import annotations

import logging
import math
import re
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from autotrack.server.context import caller_of
from autotrack.server.files.base import FileMissingError, PartName
from autotrack.server.mlflow_api.places import Place
from autotrack.server.mlflow_api.protocol import MISSING, ProtocolError, answer_error, json_reply
from autotrack.server.mlflow_api.uploads import Stream, admit_upload, note_file
from autotrack.store.tracking.files import NewFile

if TYPE_CHECKING:
    from starlette.requests import Request

    from autotrack.server.files.base import FileStore
    from autotrack.server.mlflow_api.endpoint import Tracking

logger = logging.getLogger("autotrack.server")

MAX_PARTS = 10_000
PARTS = "parts"
"""Folder of what is on its way, beside those of runs and models."""

STALE_SECONDS, LOOK_SECONDS = 86_400.0, 3_600.0
"""Parts are removed when nothing has come for so long; how often somebody looks."""

_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
PartNumber = Annotated[int, Meta(ge=1, le=MAX_PARTS)]


class Begin(msgspec.Struct):
    """Begin a file; of `path` only the name counts."""

    path: str
    num_parts: PartNumber = 1


class Part(msgspec.Struct):
    """A part that has been sent; with `etag`, the one that its answer had."""

    part_number: PartNumber
    etag: str | None = None
    url: str | None = None


class Complete(msgspec.Struct):
    """Put a file together."""

    path: str
    upload_id: str
    parts: Annotated[list[Part], Meta(min_length=1, max_length=MAX_PARTS)]


class Abort(msgspec.Struct):
    """Give a file up."""

    path: str
    upload_id: str


async def create(request: Request) -> Response:
    """Begin a file: say where each part goes."""
    return await _answer(request, Begin, _create)


async def complete(request: Request) -> Response:
    """Put the parts together, in the order of their numbers."""
    return await _answer(request, Complete, _complete)


async def abort(request: Request) -> Response:
    """Remove the parts."""
    return await _answer(request, Abort, _abort)


async def take_part(request: Request) -> Response:
    """Take a part; the same one may be sent again."""
    tracking: Tracking = request.app.state.tracking
    words = request.path_params
    try:
        place = await run_in_threadpool(admit_upload, tracking, request, words["path"])
        number = msgspec.convert(request.query_params.get("number"), PartNumber, strict=False)
        size = msgspec.convert(request.headers.get("content-length"), Annotated[int, Meta(ge=0)], strict=False)
        folder = _folder(place, words["upload_id"])
        part = await run_in_threadpool(tracking.files.part, folder, number, size)
        await Stream(part).receive(request)
    except ClientDisconnect:
        return answer_error(request, ProtocolError("the part ended early"))
    except Exception as error:  # noqa: BLE001 - every error has an answer of the protocol
        return answer_error(request, error)
    return Response(headers={"etag": f'"{part.etag}"'})


class Leftovers:
    """What clients left that died before their file was complete.

    Args:
        files: Where the parts are.
    """

    def __init__(self, files: FileStore) -> None:
        self._files = files
        self._next = -math.inf

    def remove(self) -> None:
        """Remove parts of uploads that nothing has come for since a day, if that was not done within the last hour."""
        now = time.monotonic()
        if now > self._next:
            self._next = now + LOOK_SECONDS
            try:
                self._files.remove_stale(PARTS, STALE_SECONDS)
            except Exception as error:  # noqa: BLE001 - who begins a file has nothing to do with it
                logger.warning("parts of uploads that have died cannot be removed: %s", error)


def _create(request: Request, _: Place, asked: Begin) -> Any:
    request.app.state.leftovers.remove()
    upload_id = secrets.token_hex(16)
    target = _target(request, upload_id, asked.path)
    headers = request.app.state.services.access.pass_for(caller_of(request), target)
    base = str(request.base_url).rstrip("/")
    if request.app.state.secure:
        base = f"https{base[base.index(':') :]}"  # the proxy before us speaks TLS, and we do not hear of it
    parts = [
        {"url": f"{base}{quote(target)}?number={number}", "part_number": number, "headers": headers}
        for number in range(1, asked.num_parts + 1)
    ]
    return {"upload_id": upload_id, "credentials": parts}


def _complete(request: Request, place: Place, asked: Complete) -> Any:
    tracking: Tracking = request.app.state.tracking
    numbers = [part.part_number for part in asked.parts]
    if numbers != sorted(set(numbers)):
        raise ProtocolError("parts stand in the order of their numbers, each once")
    parts = [PartName(part.part_number, (part.etag or "").strip('"')) for part in asked.parts]
    whole = tracking.files.assemble(_folder(place, asked.upload_id), parts, place.key)
    note_file(tracking, NewFile(*place, whole.size, whole.digest))
    request.app.state.services.access.end_passes(_target(request, asked.upload_id, asked.path))
    return {}


def _abort(request: Request, place: Place, asked: Abort) -> Any:
    tracking: Tracking = request.app.state.tracking
    tracking.files.remove_folder(_folder(place, asked.upload_id))
    request.app.state.services.access.end_passes(_target(request, asked.upload_id, asked.path))
    return {}


def _target(request: Request, upload_id: str, path: str) -> str:
    """Return the address that all parts of a file are sent to."""
    here, _, _ = request.scope["path"].partition("/mpu/")
    return f"{here}/mpu/part/{upload_id}/{request.path_params['path'].strip('/')}/{_name(path)}"


def _folder(place: Place, upload_id: str) -> str:
    """Return where the parts of an upload are: an id opens only those of the run or model that it was made for."""
    if _UPLOAD_ID.fullmatch(upload_id) is None:
        raise ProtocolError("there is no such upload", MISSING)
    return f"{PARTS}/{place.owner.uid}/{upload_id}"


def _name(path: str) -> str:
    """Return the last name of a path of the client's machine, whichever slashes it has."""
    return re.split(r"[/\\]", path)[-1]


async def _answer(request: Request, kind: type[Any], work: Callable[[Request, Place, Any], Any]) -> Response:
    try:
        asked = msgspec.json.decode(await request.body(), type=kind, strict=False)
        address = f"{request.path_params['path'].strip('/')}/{_name(asked.path)}"

        def answer() -> Any:
            return work(request, admit_upload(request.app.state.tracking, request, address), asked)

        return json_reply(await run_in_threadpool(answer))
    except ClientDisconnect:
        return answer_error(request, ProtocolError("the request ended early"))
    except FileMissingError:
        return answer_error(request, ProtocolError("a part has not been sent, or the upload has ended", MISSING))
    except Exception as error:  # noqa: BLE001 - every error has an answer of the protocol
        return answer_error(request, error)
