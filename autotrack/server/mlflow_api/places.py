"""What the addresses of files stand for: `1/<run id>/artifacts/model/MLmodel` is a path below the folder of a run.

An address is read for the id in it and the path behind; what stands before is not looked at. So a caller can name only
files of a run or a model that the store knows, and whose experiment says what the caller may do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from autotrack.server.caller import Caller
from autotrack.server.files.base import checked_path
from autotrack.server.mlflow_api.protocol import FORBIDDEN, MISSING, ProtocolError
from autotrack.store.tracking.files import Owner, model_owner, run_owner

if TYPE_CHECKING:
    from sqlalchemy import Connection

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


def admit(connection: Connection, caller: Caller, address: str, role: str) -> Place:
    """Read an address, if the caller has a role where it leads.

    Raises:
        ProtocolError: The caller has not; or as `find_place` does.
    """
    place = find_place(connection, address)
    if not caller.may(role, place.owner.experiment_id):
        raise ProtocolError(f"this needs the role {role} in experiment {place.owner.experiment_id}", FORBIDDEN)
    return place
