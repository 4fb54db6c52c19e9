"""What was started and from which code, in one file of the run: enough to start it again."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import msgspec

from autotrack.capture.changes import MAX_FILE, Changes
from autotrack.capture.git import GitState
from autotrack.capture.git_process import find_root, real
from autotrack.capture.program import Option
from autotrack.capture.secret_code import redact_file
from autotrack.capture.secrets import mask_arguments
from autotrack.capture.source import notebook_cells

LOCK_FILES = (
    *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pixi.lock", "conda-lock.yml", "pylock.toml"),
    *("requirements.txt", "environment.yml"),
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What was started.

    Attributes:
        kind: "script", "module", "notebook" or "none" (a console, or `python -c`).
        name: Path of the script (relative to the repository where it is in one, else absolute), or name of the module.
        arguments: What stood behind it on the command line, secrets masked.
        options: How arguments are written, as far as the program's parser was watched.
        position: How many root runs this process had begun before.
        repository: Absolute path of the working tree, or "" where there is none.
        directory: The working directory, relative to the repository, or absolute.
        commit: The commit, or "".
        remote: URL of the repository without user info, or "".
        patch: Whether `changes.patch` beside this file has changes of tracked files.
        untracked: The files in `untracked.zip`.
        left_out: Changed or untracked files that are not kept, and why.
        locks: SHA-256 of each lock file in the working directory or at the root of the repository.
        redacted: How many secrets were masked in files and arguments.
    """

    kind: str
    name: str
    arguments: list[str]
    options: dict[str, Option] = {}
    position: int = 0
    repository: str = ""
    directory: str = ""
    commit: str = ""
    remote: str = ""
    patch: bool = False
    untracked: list[str] = []
    left_out: list[str] = []
    locks: dict[str, str] = {}
    redacted: int = 0


def code_directory(working: Path) -> Path:
    """Return where to look for the repository: the working directory, or that of the script if only that is in one."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if find_root(working) is None and isinstance(script, str) and not real(Path(script)).is_relative_to(sys.prefix):
        return real(Path(script)).parent
    return working


def describe_entry(working: Path, git: GitState | None, changes: Changes) -> Entry:
    """Describe what was started, but for `options` and `position`, which differ by run."""
    root = find_root(code_directory(working)) if git is not None else None
    kind, name = _started()
    arguments = mask_arguments(sys.argv[1:])
    return Entry(
        kind=kind,
        name=_relative(name, root) if kind == "script" else name,
        arguments=arguments.value,
        repository=str(root or ""),
        directory=_relative(str(working), root),
        commit=git.commit if git is not None else "",
        remote=(git.remote or "") if git is not None else "",
        patch=bool(changes.patch),
        untracked=changes.names,
        left_out=changes.left_out,
        locks={path.name: digest for path in lock_files(working, root) if (digest := _digest(path))},
        redacted=changes.redacted + arguments.count,
    )


def entry_files(entry: Entry, working: Path) -> dict[str, bytes]:
    """Return the files that no repository has: cells, or script and lock files; secrets masked."""
    files: dict[str, str] = {}
    if entry.kind == "notebook":
        files["notebook.py"] = notebook_cells()
    if not entry.commit:
        script = [Path(entry.name)] if entry.kind == "script" else []
        for path in (*script, *lock_files(working, None)):
            if path.is_file() and path.stat().st_size <= MAX_FILE:
                files[path.name] = path.read_text(encoding="utf-8", errors="replace")
    return {name: redact_file(name, text)[0].encode(errors="backslashreplace") for name, text in files.items() if text}


def lock_files(working: Path, root: Path | None) -> list[Path]:
    """Return the lock files beside the program and at the root of its repository."""
    folders = dict.fromkeys(folder for folder in (working, root) if folder is not None)
    return [path for folder in folders for name in LOCK_FILES if (path := folder / name).is_file()]


def _started() -> tuple[str, str]:
    main = sys.modules.get("__main__")
    if notebook_cells():
        return "notebook", ""
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return "module", spec.name.removesuffix(".__main__")
    file = getattr(main, "__file__", None)
    return ("script", os.path.abspath(file)) if isinstance(file, str) else ("none", "")


def _relative(path: str, root: Path | None) -> str:
    found = real(Path(path))
    return found.relative_to(root).as_posix() if root is not None and found.is_relative_to(root) else path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.stat().st_size <= 50 * MAX_FILE else ""
