"""What the addresses of files stand for: `1/<run id>/artifacts/model/MLmodel` is a path below the folder of a run.

An address is read for the id in it and the path behind; what stands before is not looked at. So a caller can name only
files of a run or a model that the store knows, and whose experiment says what the caller may do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from autotrack.errors import ConflictError
from autotrack.server.caller import WRITER, Caller
from autotrack.server.files.base import checked_path
from autotrack.server.mlflow_api.protocol import FORBIDDEN, MISSING, ProtocolError
from autotrack.store.tracking.files import MODEL, RUN, Owner, owner_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ADDRESSES = {
    MODEL: re.compile(r"(?:.*?/)?models/(?P<uid>m-[0-9a-f]{32})/artifacts(?:/(?P<path>.*))?", re.DOTALL),
    RUN: re.compile(r"(?:.*?/)?(?P<uid>[0-9a-f]{32})/artifacts(?:/(?P<path>.*))?", re.DOTALL),
}


class Address(NamedTuple):
    """What an address names: a path below a run (RUN) or a logged model (MODEL), empty for all of it."""

    kind: str
    uid: str
    path: str


class Place(NamedTuple):
    """What an address stands for: a path below an owner's folder, empty for all of it."""

    owner: Owner
    path: str

    @property
    def key(self) -> str:
        """Where the bytes are."""
        return f"{self.owner.folder}/{self.path}"


def read_address(address: str) -> Address:
    """Read an address.

    Raises:
        ProtocolError: It names neither a run nor a model.

    Example:
        >>> read_address(f"1/{'a' * 32}/artifacts/model/MLmodel").path
        'model/MLmodel'
    """
    for kind, pattern in _ADDRESSES.items():
        if match := pattern.fullmatch(address.strip("/")):
            return Address(kind, match["uid"], match["path"] or "")
    raise ProtocolError("artifacts are at <experiment>/<run id>/artifacts/<path>", MISSING)


def admit(connection: Connection, caller: Caller, address: str, role: str) -> Place:
    """Find what an address stands for, if the caller has a role there.

    Raises:
        ProtocolError: The caller has not, or the address names neither a run nor a model.
        RunNotFoundError: There is no such run.
        ModelNotFoundError: There is no such model.
        FilePathError: The path is none.
    """
    asked = read_address(address)
    return place_in(owner_of(connection, asked.kind, asked.uid), asked.path, caller, role)


def place_in(owner: Owner, path: str, caller: Caller, role: str) -> Place:
    """Give a path below an owner's folder, if the caller has a role in its experiment.

    Raises:
        ProtocolError: The caller has not.
        FilePathError: The path is none.
    """
    place = Place(owner, checked_path(path) if path else "")
    if not caller.may(role, owner.experiment_id):
        raise ProtocolError(f"this needs the role {role} in experiment {owner.experiment_id}", FORBIDDEN)
    return place


def place_for_upload(owner: Owner, path: str, caller: Caller) -> Place:
    """Give the place of a file that comes, if the caller may send it.

    Raises:
        ProtocolError: The caller may not, or it has no name.
        FilePathError: The path is none.
        ConflictError: It would belong to a run that is deleted.
    """
    place = place_in(owner, path, caller, WRITER)
    if not place.path:
        raise ProtocolError("a file needs a path")
    if owner.deleted:
        raise ConflictError(f"run {owner.uid} is deleted; restore it before changing it")
    return place
