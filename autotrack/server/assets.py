"""The scripts and styles of the pages: read once, named by a fixed table, so that no path comes from a client."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

REPORT = "report.js"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@lru_cache(maxsize=1)
def assets() -> dict[str, bytes]:
    """Read all files of `static`, by name."""
    folder = files("autotrack.server") / "static"
    return {file.name: file.read_bytes() for file in folder.iterdir() if _suffix(file.name) in _TYPES}


def modules() -> list[str]:
    """Return the scripts of the pages: a browser that knows them all need not find them one behind the other."""
    return sorted(name for name in assets() if name.endswith(".js") and name != REPORT)


def serve_asset(request: Request) -> Response:
    """Answer with a file. Browsers ask again each time whether it has changed, and are told in a few bytes."""
    name = request.path_params["name"]
    content = assets().get(name)
    if content is None:
        raise HTTPException(404)
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=_TYPES[_suffix(name)], headers=headers)


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
