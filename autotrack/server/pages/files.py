"""The files of a run: a tree, a preview that runs nothing, and the file itself as a download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from autotrack.server.artifacts import (
    FRAMED,
    IMAGES,
    PREVIEW_BYTES,
    TABLE_BYTES,
    blocks,
    file_id,
    find_artifact,
    is_binary,
    kind_of,
    open_artifact,
    read_artifact,
    suffix_of,
)
from autotrack.server.context import library_of, run_id_of
from autotrack.server.csv_table import parse_csv
from autotrack.server.headers import SANDBOX
from autotrack.server.pages.frame import run_page
from autotrack.server.replies import Refused
from autotrack.server.run_models import find_model_file

if TYPE_CHECKING:
    from starlette.requests import Request

    from autotrack.store.rows import ArtifactRow


def show_files(request: Request) -> Response:
    """Show all files of a run."""
    return _page(request, None)


def show_file(request: Request) -> Response:
    """Show the files of a run, and what one of them holds."""
    return _page(request, find_artifact(library_of(request), run_id_of(request), request.path_params["file_id"]))


def send_file(request: Request) -> Response:
    """Send a file: images as what they are, everything else as a download that no browser opens."""
    library, run_id = library_of(request), run_id_of(request)
    artifact = find_artifact(library, run_id, request.path_params["file_id"])
    inline = IMAGES.get(suffix_of(artifact.path)) if request.query_params.get("inline") == "1" else None
    file = open_artifact(library, run_id, artifact)
    headers = {"content-disposition": "inline" if inline else _attachment(artifact.path)}
    headers["content-security-policy"] = SANDBOX
    return StreamingResponse(blocks(file), media_type=inline or "application/octet-stream", headers=headers)


def send_model_file(request: Request) -> Response:
    """Send a file of a model that an MLflow client logged in a run, as a download."""
    library, params = library_of(request), request.path_params
    folder, file = find_model_file(library, run_id_of(request), params["model_id"], params["file_id"])
    headers = {"content-disposition": _attachment(file.path), "content-security-policy": SANDBOX}
    content = open_artifact(library, folder, file)
    return StreamingResponse(blocks(content), media_type="application/octet-stream", headers=headers)


def frame_file(request: Request) -> Response:
    """Send HTML or SVG for the frame of the preview: without scripts, in an origin that is not ours."""
    library, run_id = library_of(request), run_id_of(request)
    artifact = find_artifact(library, run_id, request.path_params["file_id"])
    kind = FRAMED.get(suffix_of(artifact.path))
    if kind is None:
        raise HTTPException(404)
    file = open_artifact(library, run_id, artifact)
    return StreamingResponse(blocks(file), media_type=kind, headers={"content-security-policy": SANDBOX})


def _page(request: Request, chosen: ArtifactRow | None) -> Response:
    library, run_id = library_of(request), run_id_of(request)
    with library.reading() as store:
        files = store.artifacts(run_id)
    rows = [{"id": file_id(file.path), "file": file, "folder": file.path.rpartition("/")[0]} for file in files]
    preview = None if chosen is None else _preview(request, run_id, chosen)
    return run_page(request, "files.html", "files", files=rows, preview=preview)


def _preview(request: Request, run_id: str, artifact: ArtifactRow) -> dict[str, Any]:
    kind = kind_of(artifact)
    preview: dict[str, Any] = {"file": artifact, "id": file_id(artifact.path), "kind": kind, "text": "", "table": None}
    if kind in {"image", "frame"}:
        return preview
    limit = TABLE_BYTES if kind == "table" else PREVIEW_BYTES
    try:
        content = read_artifact(library_of(request), run_id, artifact, limit)
    except Refused as error:
        return {**preview, "kind": "missing", "text": error.detail}
    if is_binary(content):
        return {**preview, "kind": "binary"}
    text = content.decode("utf-8", "replace")
    if kind == "table":
        preview["table"] = parse_csv(text, "\t" if suffix_of(artifact.path) == ".tsv" else ",")
        preview["kind"] = "table" if preview["table"] is not None else "text"
    return {**preview, "text": text[:PREVIEW_BYTES], "cut": artifact.size > limit}


def _attachment(path: str) -> str:
    """Return the header that makes a file a download; its name keeps only signs that are plain everywhere."""
    name = "".join(
        sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "_"
        for sign in path.rsplit("/", maxsplit=1)[-1]
    )
    return f'attachment; filename="{name.lstrip(".") or "file"}"'
