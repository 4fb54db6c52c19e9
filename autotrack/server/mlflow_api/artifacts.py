"""Files of runs and logged models through the server: `mlflow-artifacts`, and the lists that pages ask for.

An address such as `1/<run id>/artifacts/model/MLmodel` is read for the id in it and the path behind; what stands before
is not looked at. So a caller can name only files of a run or a model that the store knows, and whose experiment says
what the caller may do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from autotrack.server.caller import READER, WRITER, Caller
from autotrack.server.files.base import BLOCK_BYTES, FileMissingError, Reading, checked_path
from autotrack.server.mlflow_api.endpoint import Call, Endpoint, OfModel, Tracking, of_model, of_run, reads
from autotrack.server.mlflow_api.listing import FileMessage, list_folder
from autotrack.server.mlflow_api.messages import model_message, run_info
from autotrack.server.mlflow_api.protocol import FORBIDDEN, MISSING, ProtocolError, answer_error, json_reply
from autotrack.server.mlflow_api.requests import OfRun
from autotrack.store.tracking.files import (
    Owner,
    add_file,
    get_file,
    list_files,
    model_owner,
    remove_files,
    run_owner,
)
from autotrack.store.tracking.logged_models import get_model
from autotrack.store.tracking.runs import find_run, get_run

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.requests import Request

_OF_RUN = re.compile(r"(?:.*?/)?(?P<uid>[0-9a-f]{32})/artifacts(?:/(?P<path>.*))?", re.DOTALL)
_OF_MODEL = re.compile(r"(?:.*?/)?models/(?P<uid>m-[0-9a-f]{32})/artifacts(?:/(?P<path>.*))?", re.DOTALL)


class Place(NamedTuple):
    """What an address stands for: a path below an owner's folder, empty for all of it."""

    owner: Owner
    path: str

    @property
    def key(self) -> str:
        """Where the bytes are."""
        return f"{self.owner.folder}/{self.path}"


class ListArtifacts(OfRun, kw_only=True):
    """List a folder of a run."""

    path: str = ""
    page_token: str = ""


def find_place(connection: Connection, address: str) -> Place:
    """Read an address.

    Raises:
        ProtocolError: It names neither a run nor a model.
        RunNotFoundError: There is no such run.
        ModelNotFoundError: There is no such model.
        FilePathError: The path is none.
    """
    for pattern, find in ((_OF_MODEL, model_owner), (_OF_RUN, run_owner)):
        match = pattern.fullmatch(address.strip("/"))
        if match is not None:
            path = match["path"] or ""
            return Place(find(connection, match["uid"]), checked_path(path) if path else "")
    raise ProtocolError("artifacts are at <experiment>/<run id>/artifacts/<path>", MISSING)


def list_of_run(call: Call, asked: ListArtifacts) -> Any:
    """List a folder of a run."""
    folder = checked_path(asked.path.strip("/")) if asked.path.strip("/") else ""
    files = list_folder(list_files(call.connection, run_owner(call.connection, asked.id), folder), folder)
    answer: dict[str, Any] = {"root_uri": run_info(get_run(call.connection, asked.id)).artifact_uri}
    return answer | ({"files": files} if files else {})


class ListModelArtifacts(OfModel, kw_only=True):
    """List a folder of a logged model."""

    artifact_directory_path: str = ""


def list_of_model(call: Call, asked: ListModelArtifacts) -> Any:
    """List a folder of a logged model."""
    path = asked.artifact_directory_path.strip("/")
    folder = checked_path(path) if path else ""
    files = list_folder(list_files(call.connection, model_owner(call.connection, asked.model_id), folder), folder)
    answer: dict[str, Any] = {"root_uri": model_message(get_model(call.connection, asked.model_id)).info.artifact_uri}
    return answer | ({"files": files} if files else {})


async def list_proxied(request: Request) -> Response:
    """List the folder that `path` names; names in the answer are relative to it."""
    return await _guarded(request, _list, request.query_params.get("path", ""))


async def download(request: Request) -> Response:
    """Send a file."""
    return await _guarded(request, _download, request.path_params["path"])


async def delete(request: Request) -> Response:
    """Remove a file or a folder."""
    return await _guarded(request, _delete, request.path_params["path"])


async def upload(request: Request) -> Response:
    """Take a file; it takes the place of one that is there."""
    address = request.path_params["path"]
    tracking: Tracking = request.app.state.tracking
    try:
        place = await run_in_threadpool(_admit_upload, tracking, _caller(request), address)
        size, digest = await _receive(request, tracking, place)
        await run_in_threadpool(_note, tracking, place, size, digest)
    except ClientDisconnect:
        return answer_error(request, ProtocolError("the upload ended early"))
    except Exception as error:  # noqa: BLE001 - every error has an answer of the protocol
        return answer_error(request, error)
    return json_reply({})


async def unsupported(request: Request) -> Response:
    """Say that files go through the server in one piece; clients then send them so."""
    return answer_error(request, ProtocolError("this server takes files in one piece, through PUT", "NOT_IMPLEMENTED"))


async def _guarded(request: Request, work: Callable[[Tracking, Caller, str], Response], address: str) -> Response:
    tracking: Tracking = request.app.state.tracking
    try:
        return await run_in_threadpool(work, tracking, _caller(request), address)
    except FileMissingError as error:
        return answer_error(request, ProtocolError(str(error), MISSING))
    except Exception as error:  # noqa: BLE001 - every error has an answer of the protocol
        return answer_error(request, error)


def _list(tracking: Tracking, caller: Caller, address: str) -> Response:
    with tracking.store.reading() as connection:
        owner, folder = _admit(connection, caller, address, READER)
        files = list_folder(list_files(connection, owner, folder), folder)
    names = [FileMessage(file.path.rpartition("/")[2], file.is_dir, file.file_size) for file in files]
    return json_reply({"files": names} if names else {})


def _download(tracking: Tracking, caller: Caller, address: str) -> Response:
    with tracking.store.reading() as connection:
        place = _admit(connection, caller, address, READER)
        if not place.path or get_file(connection, place.owner, place.path) is None:
            raise FileMissingError("there is no such file")
    file = tracking.files.open(place.key)
    name = re.sub(r"[^\w.-]", "_", place.path.rpartition("/")[2], flags=re.ASCII)
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-length": str(file.size)}
    return StreamingResponse(_blocks(file), headers=headers, media_type="application/octet-stream")


def _delete(tracking: Tracking, caller: Caller, address: str) -> Response:
    with tracking.writing() as connection:
        place = _admit(connection, caller, address, WRITER)
        owner, path = place
        below = list_files(connection, owner, path)
        here = get_file(connection, owner, path) if path else None
        remove_files(connection, owner, path)
    for file in [*below, *([here] if here else [])]:
        tracking.files.delete(f"{owner.folder}/{file.path}")
    return json_reply({})


def _admit(connection: Connection, caller: Caller, address: str, role: str) -> Place:
    place = find_place(connection, address)
    if not caller.may(role, place.owner.experiment_id):
        raise ProtocolError(f"this needs the role {role} in experiment {place.owner.experiment_id}", FORBIDDEN)
    return place


def _admit_upload(tracking: Tracking, caller: Caller, address: str) -> Place:
    with tracking.store.reading() as connection:
        place = _admit(connection, caller, address, WRITER)
        if not place.path:
            raise ProtocolError("a file needs a path")
        if place.owner.kind == "run":
            find_run(connection, place.owner.uid, active=True)
    return place


async def _receive(request: Request, tracking: Tracking, place: Place) -> tuple[int, str]:
    """Bring the body of a request to where the file belongs; return its size and its SHA-256."""
    target = await run_in_threadpool(tracking.files.upload, place.key)
    digest, size = hashlib.sha256(), 0

    def take(block: bytes) -> None:
        digest.update(block)
        target.write(block)

    waiting: list[bytes] = []
    held = 0
    try:
        async for chunk in request.stream():
            waiting.append(chunk)
            held += len(chunk)
            size += len(chunk)
            if held >= BLOCK_BYTES:
                await run_in_threadpool(take, b"".join(waiting))
                waiting, held = [], 0
        await run_in_threadpool(take, b"".join(waiting))
        await run_in_threadpool(target.finish)
    except BaseException:
        await run_in_threadpool(target.abort)
        raise
    return size, digest.hexdigest()


def _note(tracking: Tracking, place: Place, size: int, digest: str) -> None:
    with tracking.writing() as connection:
        add_file(connection, place.owner, place.path, size, digest)


async def _blocks(file: Reading) -> AsyncIterator[bytes]:
    try:
        while block := await run_in_threadpool(file.read, BLOCK_BYTES):
            yield block
    finally:
        file.close()


def _caller(request: Request) -> Caller:
    caller: Caller = request.scope["autotrack.caller"]
    return caller


ENDPOINTS: list[Endpoint] = [
    reads("artifacts/list", ListArtifacts, list_of_run, of_run),
    reads("logged-models/{model_id}/artifacts/directories", ListModelArtifacts, list_of_model, of_model),
]
