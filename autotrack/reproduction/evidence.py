"""Read back what a run recorded about its code and its environment."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from autotrack import names
from autotrack.capture.entry import Entry
from autotrack.errors import ReproductionError
from autotrack.stored_run import StoredRun


class Evidence(msgspec.Struct, frozen=True):
    """Where a run came from.

    Attributes:
        entry: What was started.
        patch: Changes of tracked files, as `git apply` takes them.
        untracked: A zip of untracked files; empty for none.
        environment: The content of `environment.json`; empty where it was not recorded.
    """

    entry: Entry
    patch: bytes
    untracked: bytes
    environment: dict[str, Any]


def root_of(run: StoredRun) -> StoredRun:
    """Return the run that a run is a part of, up to the top: only that one is started by a program."""
    while run.parent_id is not None:
        run = run.history.get(run.parent_id)
    return run


def read_evidence(run: StoredRun) -> Evidence:
    """Return what a root run recorded.

    Raises:
        ReproductionError: It did not record its code.
    """
    content = read_file(run, names.ENTRY)
    if not content:
        raise ReproductionError(
            f"run {run.name!r} recorded no code, so that it cannot be done again; "
            "the setting `capture` must have `code`, and the run's files must be on this machine"
        )
    return Evidence(
        entry=msgspec.json.decode(content, type=Entry),
        patch=read_file(run, names.CHANGES_PATCH),
        untracked=read_file(run, names.UNTRACKED),
        environment=json.loads(read_file(run, names.ENVIRONMENT) or b"{}"),
    )


def read_file(run: StoredRun, path: str) -> bytes:
    """Return a file of a run, or nothing where it has none."""
    try:
        return run.download(path).read_bytes()
    except FileNotFoundError:
        return b""
