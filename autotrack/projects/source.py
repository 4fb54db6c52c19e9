"""Where a project comes from: a folder, or a git repository that is cloned."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec

from autotrack.projects.definition import ProjectError

_URL = re.compile(r"(git\+)?(https?|ssh|git|file)://|[\w.-]+@[\w.-]+:")


class GitSource(msgspec.Struct, frozen=True):
    """A place in a git repository.

    Attributes:
        url: What is cloned.
        ref: A branch, tag or commit; "" for the default branch.
        subdirectory: The project's folder in it; "" for its root.
    """

    url: str
    ref: str = ""
    subdirectory: str = ""

    @property
    def shown_url(self) -> str:
        """The URL without user and password."""
        parts = urlsplit(self.url)
        if not parts.scheme or "@" not in parts.netloc:
            return self.url
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @property
    def shown(self) -> str:
        """All of it as it is written on the command line, without user and password."""
        ref = f"@{self.ref}" if self.ref else ""
        return f"{self.shown_url}{ref}{f'#{self.subdirectory}' if self.subdirectory else ''}"


def parse_source(text: str) -> GitSource | None:
    """Read `URL[@ref][#subdirectory]`; None for what is no URL.

    Example:
        >>> parse_source("https://host.example/team/wine.git@v1.2#training")
        GitSource(url='https://host.example/team/wine.git', ref='v1.2', subdirectory='training')
        >>> parse_source("folder") is None
        True
    """
    found = _URL.match(text)
    if found is None:
        return None
    url, _, subdirectory = text.removeprefix("git+").partition("#")
    start = url.find("/", url.index("://") + 3) if "://" in url else url.index(":")  # behind it, "@" is no user
    head, path = url[: max(start, 0)], url[max(start, 0) :]
    path, _, ref = path.partition("@")
    return GitSource(head + path, ref, subdirectory)


def clone(source: GitSource, directory: Path) -> Path:
    """Clone a repository with its submodules, check out the ref, and return the project's folder.

    Args:
        source: What to clone.
        directory: Where to; it must not exist.

    Raises:
        ProjectError: git cannot, with what it said; or there is no such folder in the repository.
    """
    if source.ref.startswith("-") or source.url.startswith("-"):
        raise ProjectError(f"{source.ref or source.url!r} is no name of a ref or repository")
    try:
        _git("clone", "--quiet", "--no-checkout", "--", source.url, str(directory))
    except ProjectError as error:
        raise ProjectError(str(error).replace(source.url, source.shown_url)) from None
    target = source.ref or "HEAD"
    if source.ref and _is_branch(directory, source.ref):
        target = f"origin/{source.ref}"
    _git("-C", str(directory), "checkout", "--quiet", "--detach", target)
    _git("-C", str(directory), "submodule", "--quiet", "update", "--init", "--recursive")
    folder = (directory / source.subdirectory).resolve()
    if not folder.is_dir() or not folder.is_relative_to(directory.resolve()):
        raise ProjectError(f"{source.shown_url} has no folder {source.subdirectory!r}")
    return folder


def commit_of(directory: Path) -> str:
    """Return the commit that a clone stands at."""
    return _git("-C", str(directory), "rev-parse", "HEAD").strip()


def _is_branch(directory: Path, ref: str) -> bool:
    return bool(_git("-C", str(directory), "for-each-ref", f"refs/remotes/origin/{ref}").strip())


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
    except FileNotFoundError as error:
        raise ProjectError("git is not installed; install it, or name a folder") from error
    if done.returncode:
        raise ProjectError(f"git could not fetch the project: {done.stderr.strip()}")
    return done.stdout
