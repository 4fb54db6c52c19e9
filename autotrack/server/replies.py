"""Responses: pages, JSON with NaN, and errors whose text is ours and never repeats what was sent."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from autotrack.errors import (
    FilterError,
    ModelExistsError,
    ModelNotFoundError,
    NewerSchemaError,
    RegistryError,
    RunNotFoundError,
    StoreError,
)
from autotrack.server.templating import render

if TYPE_CHECKING:
    from starlette.types import Scope

logger = logging.getLogger("autotrack")

PROTOCOL = ("/api/2.0/", "/api/3.0/", "/ajax-api/")
"""Where programs speak MLflow's protocol: its endpoints ask for roles themselves, and its errors have a shape."""

_PROTOCOL_CODES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "ENDPOINT_NOT_FOUND",
    405: "ENDPOINT_NOT_FOUND",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
}
_TITLES = {
    400: "That cannot be read",
    401: "Not signed in",
    403: "Refused",
    404: "Not found",
    405: "Not allowed",
    413: "Too large",
    421: "Unknown host",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Not now",
}


class Json(JSONResponse):
    """JSON in which what is not finite is "NaN", "Infinity" or "-Infinity"."""

    def render(self, content: Any) -> bytes:
        """Encode it."""
        return to_json(content).encode("utf-8", "replace")


def to_json(value: Any) -> str:
    """Return builtins and structs as strict JSON."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Return a page from a template."""
    theme = request.cookies.get("autotrack_theme", "")
    values["theme"] = theme if theme in {"light", "dark"} else ""
    values["path"] = request.scope["path"]
    return Response(render(template, **values).encode("utf-8", "replace"), status, media_type="text/html")


def refuse(status: int, reason: str, scope: Scope, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error: a page to who wants one, else JSON."""
    request = Request(scope)
    if scope["path"].startswith(PROTOCOL):
        asking = {"www-authenticate": 'Basic realm="autotrack"'} if status == 401 else headers
        content = {"error_code": _PROTOCOL_CODES.get(status, "BAD_REQUEST"), "message": reason}
        return Json(content, status, headers=asking)
    if scope["path"].startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return Json({"error": reason}, status, headers=headers)
    response = page(request, "error.html", status, title=_TITLES.get(status, "Error"), reason=reason)
    response.headers.update(headers or {})
    return response


def on_http_error(request: Request, error: Exception) -> Response:
    """Answer an error that a handler raised on purpose."""
    if not isinstance(error, HTTPException):
        raise error
    reasons = {404: "there is nothing here", 405: "this cannot be done here"}
    detail = error.detail if isinstance(error, Refused) else reasons.get(error.status_code, "the request was refused")
    return refuse(error.status_code, detail, request.scope)


def on_missing_run(request: Request, error: Exception) -> Response:
    """Answer the question for a run that is not there."""
    del error  # it repeats what was asked for
    return refuse(404, "there is no such run in this store", request.scope)


def on_missing_model(request: Request, error: Exception) -> Response:
    """Answer the question for a model that is not there: registered, a version of one, or in a run."""
    del error
    return refuse(404, "there is no such model or version in this store", request.scope)


def on_registry_error(request: Request, error: Exception) -> Response:
    """Answer a change of the registry that cannot be made."""
    taken = "there is a model of this name already"
    rules = "names have no / or :, aliases only letters, digits, _ and -, and neither reads like a version"
    return refuse(400, taken if isinstance(error, ModelExistsError) else rules, request.scope)


def on_store_error(request: Request, error: Exception) -> Response:
    """Answer where the store cannot be read."""
    if isinstance(error, StoreError):
        logger.warning("the store cannot be read: %s", error)
    newer = isinstance(error, NewerSchemaError)
    reason = "a newer autotrack wrote this store" if newer else "the store cannot be read now, or it took too long"
    return refuse(503, reason, request.scope)


def on_filter_error(request: Request, error: Exception) -> Response:
    """Answer a filter that cannot be read: what is wrong, and where."""
    if not isinstance(error, FilterError):
        raise error
    if request.scope["path"].startswith("/api/"):
        return Json({"error": error.reason, "column": error.column}, 400)
    return refuse(400, error.reason, request.scope)


def on_error(request: Request, error: Exception) -> Response:
    """Answer a mistake of ours; the log has it, the page does not."""
    logger.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    return refuse(500, "the log of the server says what", request.scope)


class Refused(HTTPException):
    """A request that cannot be answered, with a reason of ours."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(status, reason)


HANDLERS: dict[Any, Any] = {
    HTTPException: on_http_error,
    RunNotFoundError: on_missing_run,
    ModelNotFoundError: on_missing_model,
    RegistryError: on_registry_error,
    StoreError: on_store_error,
    FilterError: on_filter_error,
    Exception: on_error,
}
"""What answers which exception."""


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    return _plain(value.tolist())  # an array
