"""Which code ran: commit, branch, remote and local changes of the git repository around a directory.

The repository is not trusted. Nothing that its configuration could name is run: no hook, no file system monitor, no
filter, no external diff, no network transport. At most two `git` processes are started per call, without a shell.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import msgspec

from autotrack.capture.secrets import Masked, mask_text, mask_url

TIMEOUT = 2.0
_REMOTES_AND_FILTERS = r"^(remote\..*\.url|branch\..*\.remote|filter\..*\.(clean|smudge|process|required))$"
_QUIET = (
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "core.quotePath=false"),
)


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


class _GitError(Exception):
    """git could not answer; the message says why."""


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
    root = _find_root(directory)
    if root is None:
        return GitOutcome(None, "not in a git repository")
    deadline = time.monotonic() + timeout
    try:
        configuration = _read_configuration(root, deadline)
        status = _run(root, [*_without_filters(configuration), *_STATUS], deadline)
    except _GitError as error:
        return GitOutcome(None, str(error))
    lines = [line for line in status.split("\0") if line]
    headers = [line.split(" ", 2) for line in takewhile(lambda line: line.startswith("# "), lines)]
    facts = {name: value for _, name, value in headers}
    if facts["branch.oid"] == "(initial)":
        return GitOutcome(None, "the git repository has no commits")
    branch = None if facts["branch.head"] == "(detached)" else facts["branch.head"]
    relative = _real(directory).relative_to(root).as_posix()
    dirty = len(lines) > len(headers)
    return GitOutcome(GitState(facts["branch.oid"], branch, _remote(configuration, branch), dirty, relative))


def capture_diff(directory: Path, *, limit: int = 1_000_000, timeout: float = TIMEOUT) -> Masked[str] | None:
    """Return what differs between the tracked files and the commit, with secrets masked.

    Args:
        directory: As for `capture_git`; the diff is of the whole repository.
        limit: Characters after which the diff is cut, with a last line that says so.
        timeout: Seconds that all git processes together may take.

    Returns:
        A patch (empty where nothing differs), or None where git cannot tell.
    """
    root = _find_root(directory)
    if root is None:
        return None
    deadline = time.monotonic() + timeout
    try:
        configuration = _read_configuration(root, deadline)
        diff = _run(root, [*_without_filters(configuration), *_DIFF], deadline)
    except _GitError:
        return None
    if len(diff) > limit:
        diff = f"{diff[:limit]}\n[cut: {len(diff) - limit} more characters]\n"
    return mask_text(diff)


_STATUS = ("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=no", "--ignore-submodules=dirty")
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty", "HEAD", "--")


def _find_root(directory: Path) -> Path | None:
    """Walk up to the nearest `.git`, so that most directories cost no process at all."""
    directory = _real(directory)
    return next((folder for folder in (directory, *directory.parents) if os.path.lexists(folder / ".git")), None)


def _real(directory: Path) -> Path:
    return Path(os.path.realpath(directory))  # unlike `resolve`, it takes a loop of links without raising


def _read_configuration(root: Path, deadline: float) -> dict[str, str]:
    """Read remotes and filters; a later value of the same name wins, as in git."""
    output = _run(root, ["config", "-z", "--get-regexp", _REMOTES_AND_FILTERS], deadline, allowed=(0, 1))
    entries = (entry.partition("\n") for entry in output.split("\0") if entry)
    return {name: value for name, _, value in entries}


def _without_filters(configuration: dict[str, str]) -> list[str]:
    """Switch off each content filter: `git status` would run it on files whose time stamp has changed."""
    names = {name.rpartition(".")[0] for name in configuration if name.startswith("filter.")}
    if any("=" in name for name in names):  # -c would split it at the first one
        raise _GitError("git is configured with a content filter that cannot be switched off")
    settings = [
        f"{name}.{key}" for name in sorted(names) for key in ("clean=", "smudge=", "process=", "required=false")
    ]
    return [argument for setting in settings for argument in ("-c", setting)]


def _remote(configuration: dict[str, str], branch: str | None) -> str | None:
    urls = {
        name.removeprefix("remote.").removesuffix(".url"): url
        for name, url in configuration.items()
        if name.startswith("remote.") and name.endswith(".url")
    }
    preferred = (configuration.get(f"branch.{branch}.remote"), "origin", next(iter(urls), None))
    url = next((urls[remote] for remote in preferred if remote in urls), None)
    return None if url is None else mask_url(url).value


def _run(root: Path, arguments: Sequence[str], deadline: float, allowed: tuple[int, ...] = (0,)) -> str:
    executable = shutil.which("git")
    if executable is None:
        raise _GitError("git is not installed")
    try:
        done = subprocess.run(  # noqa: S603
            [executable, "-C", str(root), *_QUIET, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(),
            timeout=max(0.0, deadline - time.monotonic()),
            check=False,
            start_new_session=True,  # Ctrl-C is for the training, not for us
        )
    except subprocess.TimeoutExpired:
        raise _GitError("git took too long") from None
    except OSError as error:
        raise _GitError(f"git cannot be run: {error.strerror}") from error
    if done.returncode not in allowed:
        message = mask_text(done.stderr.decode(errors="replace").strip()).value
        raise _GitError(f"git failed with status {done.returncode}: {message[:500]}")
    return done.stdout.decode(errors="replace")


def _environment() -> dict[str, str]:
    """Keep the user's git configuration, drop what would point git elsewhere, and forbid prompts and transports."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith("GIT_CONFIG_")
    }
    return {
        **kept,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }
