"""What handlers find in the application: the library, and who may come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec
from starlette.requests import ClientDisconnect

from autotrack.errors import RunNotFoundError
from autotrack.identity import is_run_id
from autotrack.server.replies import Refused

if TYPE_CHECKING:
    from starlette.requests import Request

    from autotrack.server.access import Entrance
    from autotrack.server.caller import Caller
    from autotrack.server.library import Library

_T = TypeVar("_T")


class Services(NamedTuple):
    """What the whole application shares."""

    library: Library
    access: Entrance


def library_of(request: Request) -> Library:
    """Return the library of the application that a request came to."""
    services: Services = request.app.state.services
    return services.library


def caller_of(request: Request) -> Caller:
    """Return who has sent a request."""
    caller: Caller = request.scope["autotrack.caller"]
    return caller


def run_id_of(request: Request) -> str:
    """Return the run that an address names.

    Raises:
        RunNotFoundError: What stands there is no id.
    """
    return checked_run_id(request.path_params["run_id"])


def checked_run_id(text: Any) -> str:
    """Return an id of a run, which has no sign that means something in a path.

    Raises:
        RunNotFoundError: The text is no id.
    """
    if not is_run_id(text):
        raise RunNotFoundError("this is no id of a run")
    return str(text)


async def read_json(request: Request, kind: type[_T]) -> _T:
    """Read the body of a request.

    Args:
        request: Its content type must be JSON, which a form of another site cannot send.
        kind: A struct.

    Raises:
        Refused: It is of another type, or says something else.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused("the body must be application/json", 415)
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("the body is not what this address takes") from error
    except ClientDisconnect as error:
        raise Refused("the request ended early") from error
