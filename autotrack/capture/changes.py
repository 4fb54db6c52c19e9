"""What a run's code had that its commit has not: a patch of the tracked files, and the small untracked ones.

Sizes are bounded, and what is left out is named. Meant for a worker thread: git is asked three times at most.
"""

from __future__ import annotations

import fnmatch
import io
import os
import stat
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec

from autotrack.capture.git_process import TIMEOUT, GitError, find_root, read_configuration, run_git, without_filters
from autotrack.capture.patch_masking import mask_patch
from autotrack.capture.secret_code import redact_file
from autotrack.capture.secret_names import is_secret_name

MAX_FILE = 1_000_000
"""Bytes of the largest file that is kept."""
MAX_TOTAL = 4_000_000
"""Bytes of all changed files together, and of all untracked ones."""
MAX_UNTRACKED = 500
MAX_LOOKED_AT = 2_000
_SECRET_FILES = ("*.env", ".env*", "*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx", "id_[dre]*", ".netrc", ".pypirc")
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all", "--no-renames")
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Changes(msgspec.Struct, frozen=True):
    """How the files of a working tree differ from the commit.

    Attributes:
        patch: What `git apply` takes, secrets masked; empty where no tracked file differs.
        untracked: A zip of the untracked files that git does not ignore, secrets masked; empty where there are none.
        names: The files in `untracked`, relative to the root of the repository.
        left_out: Changed or untracked files that are not kept, each with the reason in parentheses.
        redacted: How many secrets were masked.
    """

    patch: bytes = b""
    untracked: bytes = b""
    names: list[str] = []
    left_out: list[str] = []
    redacted: int = 0


def capture_changes(directory: Path, *, dirty: bool = True, timeout: float = 5 * TIMEOUT) -> Changes:
    """Describe what the repository around `directory` holds beside its commit.

    Args:
        directory: Any directory in a working tree.
        dirty: Whether a tracked file may differ.
        timeout: Seconds that all git processes together may take.

    Raises:
        GitError: There is no repository, or git cannot tell.
    """
    root = find_root(directory)
    if root is None:
        raise GitError("not in a git repository")
    deadline = time.monotonic() + timeout
    patch, large = _patch(root, deadline) if dirty else ("", [])
    masked, redacted = mask_patch(patch)
    listed = run_git(root, ["ls-files", "--others", "--exclude-standard", "-z"], deadline)
    files = _Untracked(root)
    files.add(sorted(name for name in listed.split("\0") if name))
    return Changes(
        patch=masked.encode(errors="surrogateescape"),
        untracked=files.archive(),
        names=files.names,
        left_out=[*large, *files.left_out],
        redacted=redacted + files.redacted,
    )


def _patch(root: Path, deadline: float) -> tuple[str, list[str]]:
    """Return the patch of all changed files that are not too large, and the names of those that are."""
    git = [*without_filters(read_configuration(root, deadline)), *_DIFF]
    changed = [name for name in run_git(root, [*git, "--name-only", "-z", "HEAD", "--"], deadline).split("\0") if name]
    sizes = sorted((_size(root / name), name) for name in changed)
    room, large = MAX_TOTAL, []
    for size, name in sizes:
        room -= size
        if size > MAX_FILE or room < 0:
            large.append(name)
    without = [f":(exclude,top,literal){name}" for name in large]
    patch = run_git(root, [*git, "--binary", "HEAD", "--", ":(top)", *without], deadline)
    if len(patch) > 4 * MAX_TOTAL:  # what was removed from the files counts, too
        return "", [f"{name} (the patch is too large)" for name in changed]
    return patch, [f"{name} (too large)" for name in large]


def _size(path: Path) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:  # deleted: what it was is in the commit
        return 0


class _Untracked:
    """Collects untracked files as long as there is room."""

    def __init__(self, root: Path) -> None:
        self.names: list[str] = []
        self.left_out: list[str] = []
        self.redacted = 0
        self._root = root
        self._room = MAX_TOTAL
        self._files: list[tuple[str, bytes, int]] = []

    def add(self, names: Sequence[str]) -> None:
        if len(names) > MAX_LOOKED_AT:
            self.left_out.append(f"{len(names) - MAX_LOOKED_AT} more (too many files)")
        for name in names[:MAX_LOOKED_AT]:
            reason = self._take(name)
            if reason is not None:
                self.left_out.append(f"{name} ({reason})")

    def _take(self, name: str) -> str | None:
        """Keep a file, or return why not."""
        if may_be_secret(name):
            return "its name says that it holds secrets"
        try:
            status = os.lstat(self._root / name)
            if not stat.S_ISREG(status.st_mode):
                return "not a file"
            if status.st_size > min(MAX_FILE, self._room) or len(self._files) >= MAX_UNTRACKED:
                return "too large" if len(self._files) < MAX_UNTRACKED else "too many files"
            content = (self._root / name).read_bytes()
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        masked, count = mask_file(name, content)
        if masked is None:
            return "a binary file with what looks like a secret"
        self.redacted += count
        self._room -= len(content)
        self.names.append(name)
        self._files.append((name, masked, status.st_mode))
        return None

    def archive(self) -> bytes:
        if not self._files:
            return b""
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content, mode in self._files:
                entry = zipfile.ZipInfo(name.encode(errors="replace").decode(), _EPOCH)
                entry.external_attr = stat.S_IMODE(mode) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
        return whole.getvalue()


def mask_file(name: str, content: bytes) -> tuple[bytes | None, int]:
    """Mask the secrets in a file; a binary one is given back as it is, or None where it holds what looks like one."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        _, count = redact_file("", content.decode("latin-1"))
        return (None, count) if count else (content, 0)
    masked, count = redact_file(name, text)
    return masked.encode(), count


def may_be_secret(name: str) -> bool:
    """Say whether the name of a file tells that it holds nothing but secrets."""
    last = PurePosixPath(name).name
    stem = last.partition(".")[0]
    return any(fnmatch.fnmatch(last.lower(), pattern) for pattern in _SECRET_FILES) or (
        is_secret_name(stem) and not last.endswith(".py")
    )
