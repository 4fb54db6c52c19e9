"""The errors of MLflow's protocol, and which of ours become which."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy.exc import DBAPIError
from starlette.responses import Response

from autotrack.errors import (
    AutotrackError,
    ConflictError,
    ExperimentExistsError,
    ExperimentNotFoundError,
    FilterError,
    ModelExistsError,
    ModelNotFoundError,
    RegistryError,
    RunNotFoundError,
    StoreError,
)

if TYPE_CHECKING:
    from starlette.requests import Request

logger = logging.getLogger("autotrack")

INVALID = "INVALID_PARAMETER_VALUE"
EXISTS = "RESOURCE_ALREADY_EXISTS"
MISSING = "RESOURCE_DOES_NOT_EXIST"
FORBIDDEN = "PERMISSION_DENIED"
UNAVAILABLE = "TEMPORARILY_UNAVAILABLE"
INTERNAL = "INTERNAL_ERROR"
NO_ENDPOINT = "ENDPOINT_NOT_FOUND"

STATUS = {
    INVALID: 400,
    "BAD_REQUEST": 400,
    EXISTS: 400,
    "INVALID_STATE": 400,
    "UNAUTHENTICATED": 401,
    FORBIDDEN: 403,
    MISSING: 404,
    NO_ENDPOINT: 404,
    "REQUEST_LIMIT_EXCEEDED": 429,
    INTERNAL: 500,
    "NOT_IMPLEMENTED": 501,
    UNAVAILABLE: 503,
}
"""The HTTP status of each error code."""

_CODES: tuple[tuple[type[Exception], str], ...] = (
    (ExperimentExistsError, EXISTS),
    (ModelExistsError, EXISTS),
    (ExperimentNotFoundError, MISSING),
    (RunNotFoundError, MISSING),
    (ModelNotFoundError, MISSING),
    (ConflictError, INVALID),
    (RegistryError, INVALID),
    (FilterError, INVALID),
)


class ProtocolError(Exception):
    """A request that MLflow's protocol answers with an error.

    Args:
        message: For a person.
        code: One of `STATUS`.
    """

    def __init__(self, message: str, code: str = INVALID) -> None:
        super().__init__(message)
        self.code = code


def json_reply(content: Any, status: int = 200) -> Response:
    """Answer with JSON; numbers that are not finite must be texts already, see `messages.number`."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def error_reply(code: str, message: str, status: int | None = None) -> Response:
    """Answer with an error of the protocol."""
    return json_reply({"error_code": code, "message": message}, status or STATUS[code])


def answer_error(request: Request, error: Exception) -> Response:
    """Give the answer to what an endpoint raised; what nobody expected is in the log and not in the answer."""
    if isinstance(error, ProtocolError):
        return error_reply(error.code, str(error))
    if isinstance(error, msgspec.ValidationError | msgspec.DecodeError):
        return error_reply(INVALID, f"the request cannot be read: {error}")
    if isinstance(error, StoreError) or _is_busy(error):
        logger.warning("%s %s found the store unavailable: %s", request.method, request.scope["path"], error)
        return error_reply(UNAVAILABLE, "the store cannot be used now; try again")
    if isinstance(error, AutotrackError):
        code = next((code for kind, code in _CODES if isinstance(error, kind)), INVALID)
        return error_reply(code, str(error))
    logger.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    return error_reply(INTERNAL, "the log of the server says what")


def _is_busy(error: Exception) -> bool:
    """Say whether a database could not be reached, or made somebody wait too long: both pass."""
    from sqlalchemy.exc import InterfaceError, OperationalError
    from sqlalchemy.exc import TimeoutError as PoolTimeoutError

    return isinstance(error, OperationalError | InterfaceError | PoolTimeoutError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
