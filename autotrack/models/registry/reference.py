"""What people write to name a registered model or one of its versions: `churn`, `churn/3`, `churn@champion`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import msgspec

from autotrack.errors import RegistryError
from autotrack.store.registry.rules import LATEST

SCHEME = "models:/"
_REFERENCE = re.compile(r"(?P<name>[^/:]+?)(?:/(?P<which>[^/:@]+)|@(?P<alias>[\w-]+))?")


class Reference(msgspec.Struct, frozen=True):
    """A registered model, and at most one way to choose among its versions.

    Attributes:
        name: Of the model.
        version: Number of a version.
        alias: An alias, or "latest".
        stage: A stage, as it was written.
    """

    name: str
    version: int | None = None
    alias: str | None = None
    stage: str | None = None

    def selector(self) -> dict[str, Any]:
        """Return the arguments by which `find_version` finds the version; the latest where nothing is chosen."""
        return {"version": self.version, "alias": self.alias, "stage": self.stage}


def parse_reference(text: str) -> Reference:
    """Read `<name>`, `<name>/<version>`, `<name>/<stage>` or `<name>@<alias>`, with or without `models:/` before it.

    Raises:
        RegistryError: It is none of these.

    Example:
        >>> parse_reference("models:/churn/3")
        Reference(name='churn', version=3, alias=None, stage=None)
        >>> parse_reference("churn@champion").alias
        'champion'
    """
    match = _REFERENCE.fullmatch(text.removeprefix(SCHEME))
    if match is None:
        raise RegistryError(
            f"{text!r} names no registered model: write <name>, <name>/<version>, <name>/<stage> or <name>@<alias>"
        )
    name, which, alias = unquote(match["name"]), match["which"], match["alias"]
    if which is None:
        return Reference(name, alias=alias)
    if which.isascii() and which.isdigit():
        return Reference(name, version=int(which[:18]))
    return Reference(name, alias=LATEST) if which.lower() == LATEST else Reference(name, stage=which)
