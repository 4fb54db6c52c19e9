"""Write down where a root run came from: code, command line and environment, as tags and files; in the worker."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autotrack import names
from autotrack.capture.changes import Changes, capture_changes
from autotrack.capture.entry import Entry, code_directory, describe_entry, entry_files
from autotrack.capture.environment import capture_environment
from autotrack.capture.git import GitState, capture_git
from autotrack.capture.git_process import GitError
from autotrack.capture.program import Option
from autotrack.capture.tags import context_tags
from autotrack.content import json_bytes

if TYPE_CHECKING:
    from autotrack.run import Run

FRESH_SECONDS = 10.0
_lock = threading.Lock()
_code: dict[tuple[Path, bool], tuple[float, GitState | None, Changes]] = {}


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
    git, changes = _fresh_code(directory, whole="code" in parts) if {"git", "code"} & set(parts) else (None, Changes())
    environment = capture_environment()
    if "arguments" not in parts:
        environment = msgspec.structs.replace(environment, argv=[])
    run.set_tags(context_tags(git if "git" in parts else None, environment))
    if "environment" in parts:
        run.log_bytes(names.ENVIRONMENT, json_bytes(msgspec.to_builtins(environment)))
    if "code" in parts:
        entry = describe_entry(directory, git, changes, options=options, position=position)
        if "arguments" not in parts:
            entry = msgspec.structs.replace(entry, arguments=[])
        _keep_code(run, entry, changes, directory)


def _keep_code(run: Run, entry: Entry, changes: Changes, directory: Path) -> None:
    run.log_bytes(names.ENTRY, json_bytes(msgspec.to_builtins(entry)))
    if changes.patch:
        run.log_bytes(names.CHANGES_PATCH, changes.patch)
    if changes.untracked:
        run.log_bytes(names.UNTRACKED, changes.untracked)
    for name, content in entry_files(entry, directory).items():
        run.log_bytes(f"code/{name}", content)
    if entry.left_out:
        run.note("code.left_out", f"not kept with the code: {', '.join(entry.left_out[:20])}")
    if entry.redacted:
        run.note("code.redacted", f"{entry.redacted} secrets were masked in the code and the command line")


def _fresh_code(directory: Path, *, whole: bool) -> tuple[GitState | None, Changes]:
    """Return the state of the repository, asked at most every ten seconds: many short fits are one state."""
    with _lock:
        asked, git, changes = _code.get((directory, whole), (-math.inf, None, Changes()))
        if time.monotonic() - asked > FRESH_SECONDS:
            where = code_directory(directory)
            git = capture_git(where)
            changes = _changes(where, git) if whole and git is not None else Changes()
            _code[directory, whole] = (time.monotonic(), git, changes)
    return git, changes


def _changes(directory: Path, git: GitState) -> Changes:
    try:
        return capture_changes(directory, dirty=git.dirty)
    except GitError as error:
        return Changes(left_out=[f"all changes ({error})"])
