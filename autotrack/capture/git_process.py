"""Ask git without trusting the repository: nothing that its configuration could name is run.

No hook, no file system monitor, no filter, no external diff, no network transport, no shell. All calls that belong
together share a deadline.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from autotrack.capture.secrets import mask_text

TIMEOUT = 2.0
_REMOTES_AND_FILTERS = r"^(remote\..*\.url|branch\..*\.remote|filter\..*\.(clean|smudge|process|required))$"
_QUIET = (
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "core.quotePath=false"),
)


class GitError(Exception):
    """git could not answer; the message says why."""


def find_root(directory: Path) -> Path | None:
    """Walk up to the nearest `.git`, so that most directories cost no process at all."""
    directory = real(directory)
    return next((folder for folder in (directory, *directory.parents) if os.path.lexists(folder / ".git")), None)


def real(directory: Path) -> Path:
    """Return a directory without links on the way."""
    return Path(os.path.realpath(directory))  # unlike `resolve`, it takes a loop of links without raising


def read_configuration(root: Path, deadline: float) -> dict[str, str]:
    """Read remotes and filters; a later value of the same name wins, as in git."""
    output = run_git(root, ["config", "-z", "--get-regexp", _REMOTES_AND_FILTERS], deadline, allowed=(0, 1))
    entries = (entry.partition("\n") for entry in output.split("\0") if entry)
    return {name: value for name, _, value in entries}


def without_filters(configuration: dict[str, str]) -> list[str]:
    """Switch off each content filter: `git status` would run it on files whose time stamp has changed."""
    names = {name.rpartition(".")[0] for name in configuration if name.startswith("filter.")}
    if any("=" in name for name in names):  # -c would split it at the first one
        raise GitError("git is configured with a content filter that cannot be switched off")
    settings = [
        f"{name}.{key}" for name in sorted(names) for key in ("clean=", "smudge=", "process=", "required=false")
    ]
    return [argument for setting in settings for argument in ("-c", setting)]


def run_git(root: Path, arguments: Sequence[str], deadline: float, allowed: tuple[int, ...] = (0,)) -> str:
    """Return what git prints; bytes that are not UTF-8 come as surrogates.

    Args:
        root: Where the repository is.
        arguments: The command and what stands behind it.
        deadline: On the clock `time.monotonic`.
        allowed: Exit codes that are no failure.

    Raises:
        GitError: git is not there, fails, or is not done in time.
    """
    executable = shutil.which("git")
    if executable is None:
        raise GitError("git is not installed")
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
        raise GitError("git took too long") from None
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}") from error
    if done.returncode not in allowed:
        message = mask_text(done.stderr.decode(errors="replace").strip()).value
        raise GitError(f"git failed with status {done.returncode}: {message[:500]}")
    return done.stdout.decode(errors="surrogateescape")


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
