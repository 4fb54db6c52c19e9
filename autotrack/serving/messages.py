"""What the supervisor tells a worker at its start, and what workers tell the supervisor: JSON, one line each."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import msgspec

from autotrack.models.uri import Location
from autotrack.serving.app import Limits


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is to do.

    Attributes:
        uri: The model, as it was asked for.
        path: Its folder.
        hashes: SHA-256 of its files, as the store has them.
        run_id: The run that made it.
        trust: Whether its code may run.
        limits: Of each request.
        hosts: The names the server answers to; None for any.
        socket: The file descriptor to accept connections from.
        directory: Of the counters.
        record: Whether to send windows.
    """

    uri: str
    path: str
    hashes: dict[str, str]
    run_id: str | None
    trust: bool
    limits: Limits
    hosts: list[str] | None
    socket: int
    directory: str
    record: bool

    @property
    def location(self) -> Location:
        """Where the model lies."""
        return Location(Path(self.path), self.uri, self.hashes, self.run_id)


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The worker accepts requests."""


class Alive(msgspec.Struct, frozen=True, tag="alive"):
    """The worker answers, and its predictions come back in time; sent again and again."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The worker cannot start, and why."""

    reason: str


class Window(msgspec.Struct, frozen=True, tag="window"):
    """What a worker was asked in some seconds.

    Attributes:
        requests: How many were answered.
        errors: How many of them with an error.
        rows: How many rows were predicted.
        seconds: What the model took for some of the requests, drawn at random.
        sample: Some of the rows with their predictions, drawn at random; a JSON object each.
    """

    requests: int
    errors: int
    rows: int
    seconds: list[float]
    sample: list[msgspec.Raw]


Message: TypeAlias = Ready | Alive | Failed | Window
