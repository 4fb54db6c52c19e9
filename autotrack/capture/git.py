"""Which code ran: commit, branch, remote and local changes of the git repository around a directory.

At most two `git` processes are started per call; `git_process.py` says how they are kept from running anything else.
"""

from __future__ import annotations

import time
from itertools import takewhile
from pathlib import Path

import msgspec

from autotrack.capture.git_process import (
    TIMEOUT,
    GitError,
    find_root,
    read_configuration,
    real,
    run_git,
    without_filters,
)
from autotrack.capture.secrets import mask_url

_STATUS = ("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=no", "--ignore-submodules=dirty")


class GitState(msgspec.Struct, frozen=True):
    """The code of a run, as git sees it.

    Attributes:
        commit: Hash of the commit that is checked out, in hex.
        branch: Name of the branch, or None on a detached head.
        remote: URL of the branch's remote, or else of `origin` or the only other one; user info is masked.
        dirty: True where a tracked file differs from the commit.
        directory: The directory asked about, relative to the root of the repository, with forward slashes.
    """

    commit: str
    branch: str | None
    remote: str | None
    dirty: bool
    directory: str


class GitOutcome(msgspec.Struct, frozen=True):
    """A state, or the reason why there is none."""

    state: GitState | None
    reason: str | None = None


def capture_git(directory: Path) -> GitState | None:
    """Describe the code in the git repository around `directory`.

    Args:
        directory: Usually that of the entry script, or the working directory.

    Returns:
        The state, or None where there is no git, no repository, no commit, or no answer within 2 s; `examine_git`
        tells which.
    """
    return examine_git(directory).state


def examine_git(directory: Path, *, timeout: float = TIMEOUT) -> GitOutcome:
    """Like `capture_git`, with the reason where there is no state.

    Args:
        directory: Any directory, existing or not.
        timeout: Seconds that all git processes together may take.
    """
    root = find_root(directory)
    if root is None:
        return GitOutcome(None, "not in a git repository")
    deadline = time.monotonic() + timeout
    try:
        configuration = read_configuration(root, deadline)
        status = run_git(root, [*without_filters(configuration), *_STATUS], deadline)
    except GitError as error:
        return GitOutcome(None, str(error))
    lines = [line for line in status.split("\0") if line]
    headers = [line.split(" ", 2) for line in takewhile(lambda line: line.startswith("# "), lines)]
    facts = {name: value for _, name, value in headers}
    if facts["branch.oid"] == "(initial)":
        return GitOutcome(None, "the git repository has no commits")
    branch = None if facts["branch.head"] == "(detached)" else facts["branch.head"]
    relative = real(directory).relative_to(root).as_posix()
    dirty = len(lines) > len(headers)
    return GitOutcome(GitState(facts["branch.oid"], branch, _remote(configuration, branch), dirty, relative))


def _remote(configuration: dict[str, str], branch: str | None) -> str | None:
    urls = {
        name.removeprefix("remote.").removesuffix(".url"): url
        for name, url in configuration.items()
        if name.startswith("remote.") and name.endswith(".url")
    }
    preferred = (configuration.get(f"branch.{branch}.remote"), "origin", next(iter(urls), None))
    url = next((urls[remote] for remote in preferred if remote in urls), None)
    return None if url is None else mask_url(url).value
