"""The fields that requests have in common, with the protocol's limits; numbers may come as texts, as in Java's JSON."""

from __future__ import annotations

import base64
import posixpath
import re
from collections.abc import Callable
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta

from autotrack.server.mlflow_api.protocol import ProtocolError
from autotrack.store.tracking.searching import ACTIVE, ALL, DELETED

Name = Annotated[str, Meta(min_length=1, max_length=500)]
Key = Annotated[str, Meta(min_length=1, max_length=250)]
ExperimentId = Annotated[str, Meta(pattern=r"^[0-9]{1,18}$")]
RunId = Annotated[str, Meta(max_length=64)]
ModelId = Annotated[str, Meta(min_length=1, max_length=64)]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Milliseconds = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
"""Up to the year 2255, where nanoseconds leave 64 bits."""

VIEWS = {"": ACTIVE, "ACTIVE_ONLY": ACTIVE, "DELETED_ONLY": DELETED, "ALL": ALL}
_PLAIN_KEY = re.compile(r"[/\w.\- :]*")


class TagField(msgspec.Struct, frozen=True):
    """A tag; the value may be left out."""

    key: Key
    value: str = ""


class OfRun(msgspec.Struct):
    """A request about a run; old clients call its id `run_uuid`."""

    run_id: RunId = ""
    run_uuid: RunId = ""

    @property
    def id(self) -> str:
        """The run's id.

        Raises:
            ProtocolError: There is none.
        """
        if not (self.run_id or self.run_uuid):
            raise ProtocolError("Missing value for required parameter 'run_id'.")
        return self.run_id or self.run_uuid


class OfExperiment(msgspec.Struct):
    """A request about an experiment."""

    experiment_id: ExperimentId


class Paged(Protocol):
    """A request that is answered in pages."""

    max_results: int
    page_token: str


class Find(Protocol):
    """Finds what stands on one page."""

    def __call__(self, *, limit: int, offset: int) -> list[Any]:
        """Find at most `limit`, without the first `offset`."""


def checked_key(key: str) -> str:
    """Return the key of a metric, a parameter or a tag as it may be stored.

    Raises:
        ProtocolError: It has other characters than letters, digits and `_-. :/`, or reads like a path that leads out.
    """
    if _PLAIN_KEY.fullmatch(key) is None:
        raise ProtocolError("names have letters, digits, underscores, dashes, periods, spaces, colons and slashes")
    if posixpath.normpath(key) != key or key == "." or key.startswith(("..", "/")):
        raise ProtocolError("names may not be, or hold, paths that lead elsewhere")
    return key


def tag_values(tags: list[TagField]) -> dict[str, str]:
    """Return tags by key; of two with one key the last."""
    return {checked_key(tag.key): tag.value for tag in tags}


def view_of(name: Any) -> str:
    """Return which runs or experiments a view type asks for.

    Raises:
        ProtocolError: There is no such type.
    """
    if name not in VIEWS:
        raise ProtocolError(f"there is no such view; views are {', '.join(filter(None, VIEWS))}")
    return VIEWS[name]


def offset_of(token: str) -> int:
    """Read a page token.

    Raises:
        ProtocolError: It is none.
    """
    if not token:
        return 0
    try:
        page = msgspec.json.decode(base64.b64decode(token, validate=True), type=dict[str, int])
        offset = page["offset"]
    except (ValueError, KeyError, msgspec.MsgspecError):
        raise ProtocolError("this is no page token of this server") from None
    if not 0 <= offset < 2**40:
        raise ProtocolError("this is no page token of this server")
    return offset


def page_token(offset: int) -> str:
    """Write a page token."""
    return base64.b64encode(msgspec.json.encode({"offset": offset})).decode()


def one_page(name: str, asked: Paged, find: Find, describe: Callable[[list[Any]], list[Any]]) -> dict[str, Any]:
    """Answer with one page; where there is more, with the token of the next.

    Args:
        name: Of the list in the answer; an empty one is left out, as protocol buffers do.
        asked: How long a page is, and which one.
        find: Called with `limit`, one more than fit, and `offset`.
        describe: Makes the messages of what was found.
    """
    offset = offset_of(asked.page_token)
    found = find(limit=asked.max_results + 1, offset=offset)
    page = found[: asked.max_results]
    token = {"next_page_token": page_token(offset + len(page))} if len(found) > len(page) else {}
    return ({name: describe(page)} if page else {}) | token
