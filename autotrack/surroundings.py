"""Write down where a root run came from: code, command line and environment, as tags and files; in the worker."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Hashable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autotrack import names
from autotrack.capture.changes import Changes, capture_changes
from autotrack.capture.entry import Entry, code_directory, describe_entry, entry_files
from autotrack.capture.environment import capture_environment, variables
from autotrack.capture.git import GitState, capture_git
from autotrack.capture.git_process import GitError
from autotrack.capture.program import Option
from autotrack.capture.secret_names import masked_also
from autotrack.capture.source import cell_count
from autotrack.capture.tags import context_tags

if TYPE_CHECKING:
    from autotrack.run import Run

FRESH_SECONDS = 10.0


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What root runs that begin within seconds of each other have in common.

    Attributes:
        tags: Tags of the run.
        files: Files of the run.
        entry: What was started, or None where the setting `capture` leaves out the code.
    """

    tags: dict[str, str]
    files: dict[str, bytes]
    entry: Entry | None


_latest: tuple[Hashable, float, Surroundings] | None = None


def record_surroundings(
    run: Run, directory: Path, parts: Collection[str], options: dict[str, Option], position: int
) -> None:
    """Record the parts that the setting `capture` names.

    Args:
        run: A root run.
        directory: The working directory when it began.
        parts: Words of the setting.
        options: How the program's arguments are written, as far as known when it began.
        position: How many root runs this process had begun before.
    """
    found = _fresh(directory, frozenset(parts))
    run.set_tags(found.tags)
    for path, content in found.files.items():
        run.log_bytes(path, content)
    if found.entry is not None:
        entry = msgspec.structs.replace(found.entry, options=options, position=position)
        run.log_bytes(names.ENTRY, _json(entry))
        _tell_what_is_missing(run, entry)


def _fresh(directory: Path, parts: frozenset[str]) -> Surroundings:
    """Return the surroundings, looked at again after ten seconds or a visible change: many short fits share one look.

    There is no lock: a process that forks while another thread holds it would never get it back. Two threads at once
    look twice.
    """
    global _latest  # noqa: PLW0603 - one process, one place
    visible = (tuple(sys.argv), len(sys.modules), cell_count(), tuple(variables().items()))
    state = (directory, parts, masked_also(), visible)
    known = _latest
    if known is not None and known[0] == state and time.monotonic() - known[1] < FRESH_SECONDS:
        return known[2]
    found = _look(directory, parts)
    _latest = (state, time.monotonic(), found)
    return found


def _look(directory: Path, parts: frozenset[str]) -> Surroundings:
    git, changes = _code(directory, whole="code" in parts) if {"git", "code"} & parts else (None, Changes())
    environment = capture_environment()
    if "arguments" not in parts:
        environment = msgspec.structs.replace(environment, argv=[])
    files, entry = {}, None
    if "environment" in parts:
        files[names.ENVIRONMENT] = _json(environment)
    if "code" in parts:
        entry = describe_entry(directory, git, changes)
        if "arguments" not in parts:
            entry = msgspec.structs.replace(entry, arguments=[])
        files |= _code_files(entry, changes, directory)
    return Surroundings(tags=context_tags(git if "git" in parts else None, environment), files=files, entry=entry)


def _code(directory: Path, *, whole: bool) -> tuple[GitState | None, Changes]:
    where = code_directory(directory)
    git = capture_git(where)
    if git is None or not whole:
        return git, Changes()
    try:
        return git, capture_changes(where, dirty=git.dirty)
    except GitError as error:
        return git, Changes(left_out=[f"all changes ({error})"])


def _code_files(entry: Entry, changes: Changes, directory: Path) -> dict[str, bytes]:
    kept = {names.CHANGES_PATCH: changes.patch, names.UNTRACKED: changes.untracked}
    kept |= {f"code/{name}": content for name, content in entry_files(entry, directory).items()}
    return {name: content for name, content in kept.items() if content}


def _tell_what_is_missing(run: Run, entry: Entry) -> None:
    if entry.left_out:
        run.note("code.left_out", f"not kept with the code: {', '.join(entry.left_out[:20])}")
    if entry.redacted:
        run.note("code.redacted", f"{entry.redacted} secrets were masked in the code and the command line")


def _json(value: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2)
