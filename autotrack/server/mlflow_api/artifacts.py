"""Files of runs and logged models through the server: `mlflow-artifacts`, and the lists that pages ask for.

An address such as `1/<run id>/artifacts/model/MLmodel` is read for the id in it and the path behind; what stands before
is not looked at. So a caller can name only files of a run or a model that the store knows, and whose experiment says
what the caller may do.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from autotrack.server.caller import READER, WRITER, Caller
from autotrack.server.context import caller_of
from autotrack.server.files.base import BLOCK_BYTES, FileMissingError, Reading, checked_path
from autotrack.server.mlflow_api.endpoint import Call, Endpoint, OfModel, Tracking, of_model, of_run, reads
from autotrack.server.mlflow_api.listing import FileMessage, list_folder
from autotrack.server.mlflow_api.messages import run_info
from autotrack.server.mlflow_api.model_messages import model_message
from autotrack.server.mlflow_api.places import admit
from autotrack.server.mlflow_api.protocol import MISSING, ProtocolError, answer_error, json_reply
from autotrack.server.mlflow_api.requests import OfRun
from autotrack.server.mlflow_api.uploads import receive_file
from autotrack.store.tracking.files import MODEL, RUN, get_file, list_files, owner_of, remove_files
from autotrack.store.tracking.logged_models import get_model
from autotrack.store.tracking.run_reading import get_run

if TYPE_CHECKING:
    from starlette.requests import Request


class ListArtifacts(OfRun, kw_only=True):
    """List a folder of a run."""

    path: str = ""
    page_token: str = ""


def list_of_run(call: Call, asked: ListArtifacts) -> Any:
    """List a folder of a run."""
    folder = checked_path(asked.path.strip("/")) if asked.path.strip("/") else ""
    files = list_folder(list_files(call.connection, owner_of(call.connection, RUN, asked.id), folder), folder)
    answer: dict[str, Any] = {"root_uri": run_info(get_run(call.connection, asked.id, with_values=False)).artifact_uri}
    return answer | ({"files": files} if files else {})


class ListModelArtifacts(OfModel, kw_only=True):
    """List a folder of a logged model."""

    artifact_directory_path: str = ""


def list_of_model(call: Call, asked: ListModelArtifacts) -> Any:
    """List a folder of a logged model."""
    path = asked.artifact_directory_path.strip("/")
    folder = checked_path(path) if path else ""
    files = list_folder(list_files(call.connection, owner_of(call.connection, MODEL, asked.model_id), folder), folder)
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
    tracking: Tracking = request.app.state.tracking
    try:
        await receive_file(request, tracking, request.path_params["path"])
    except ClientDisconnect:
        return answer_error(request, ProtocolError("the upload ended early"))
    except Exception as error:  # noqa: BLE001 - every error has an answer of the protocol
        return answer_error(request, error)
    return json_reply({})


async def unsupported(request: Request) -> Response:
    """Say that files go through the server; clients then fetch them so."""
    return answer_error(request, ProtocolError("files of this server go through it", "NOT_IMPLEMENTED"))


async def _guarded(request: Request, work: Callable[[Tracking, Caller, str], Response], address: str) -> Response:
    tracking: Tracking = request.app.state.tracking
    try:
        return await run_in_threadpool(work, tracking, caller_of(request), address)
    except FileMissingError as error:
        return answer_error(request, ProtocolError(str(error), MISSING))
    except Exception as error:  # noqa: BLE001 - every error has an answer of the protocol
        return answer_error(request, error)


def _list(tracking: Tracking, caller: Caller, address: str) -> Response:
    with tracking.store.reading() as connection:
        owner, folder = admit(connection, caller, address, READER)
        files = list_folder(list_files(connection, owner, folder), folder)
    names = [FileMessage(file.path.rpartition("/")[2], file.is_dir, file.file_size) for file in files]
    return json_reply({"files": names} if names else {})


def _download(tracking: Tracking, caller: Caller, address: str) -> Response:
    with tracking.store.reading() as connection:
        place = admit(connection, caller, address, READER)
        if not place.path or get_file(connection, place.owner, place.path) is None:
            raise FileMissingError("there is no such file")
    file = tracking.files.open(place.key)
    name = re.sub(r"[^\w.-]", "_", place.path.rpartition("/")[2], flags=re.ASCII)
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-length": str(file.size)}
    return StreamingResponse(_blocks(file), headers=headers, media_type="application/octet-stream")


def _delete(tracking: Tracking, caller: Caller, address: str) -> Response:
    with tracking.writing() as connection:
        place = admit(connection, caller, address, WRITER)
        owner, path = place
        below = list_files(connection, owner, path)
        here = get_file(connection, owner, path) if path else None
        remove_files(connection, owner, path)
    for file in [*below, *([here] if here else [])]:
        tracking.files.delete(f"{owner.folder}/{file.path}")
    return json_reply({})


async def _blocks(file: Reading) -> AsyncIterator[bytes]:
    try:
        while block := await run_in_threadpool(file.read, BLOCK_BYTES):
            yield block
    finally:
        file.close()


ENDPOINTS: list[Endpoint] = [
    reads("artifacts/list", ListArtifacts, list_of_run, of_run),
    reads("logged-models/{model_id}/artifacts/directories", ListModelArtifacts, list_of_model, of_model),
]
