"""Restore the code of a run in a directory of its own: a clone at its commit, its changes, its untracked files."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

from autotrack.capture.entry import Entry
from autotrack.errors import ReproductionError
from autotrack.reproduction.evidence import Evidence
from autotrack.reproduction.patch import check_paths, unmask


def restore(evidence: Evidence, directory: Path) -> None:
    """Restore the files of a run.

    The objects come from a local repository that has the commit, without changing it, and only else from the remote.
    No hook of the repository is run.

    Args:
        evidence: Of a run that was made in a git repository.
        directory: A new directory.

    Raises:
        ReproductionError: No repository has the commit, or the changes do not fit or lead outside.
    """
    entry = evidence.entry
    source = _repository_with(entry)
    if source is not None:
        _git(["clone", "--quiet", "--no-checkout", "--shared", "--", str(source), str(directory)])
    elif entry.remote and "***" not in entry.remote:
        _git(["clone", "--quiet", "--no-checkout", "--", entry.remote, str(directory)])
    else:
        raise ReproductionError(
            f"no repository has commit {entry.commit[:12]}: not {entry.repository or 'any on this machine'}, and "
            f"{'the remote needs user info, which is never recorded' if entry.remote else 'no remote is known'}. "
            "Call `autotrack rerun` inside a clone of it"
        )
    _git(["remote", *(["set-url", "origin", entry.remote] if entry.remote else ["remove", "origin"])], directory)
    _git(["checkout", "--quiet", "--detach", entry.commit], directory)
    if evidence.patch:
        _apply(evidence.patch, entry.commit, directory)
    if evidence.untracked:
        _extract(evidence.untracked, directory)


def _repository_with(entry: Entry) -> Path | None:
    """Return a repository that has the commit: the one here, or the one in which the run was made."""
    for place in (Path.cwd(), Path(entry.repository) if entry.repository else None):
        if place is None or not place.is_dir():
            continue
        known = subprocess.run(  # noqa: S603
            [_executable(), "-C", str(place), "cat-file", "-e", f"{entry.commit}^{{commit}}"],
            capture_output=True,
            check=False,
            env=_environment(),
        )
        if known.returncode == 0:
            return Path(_git(["rev-parse", "--show-toplevel"], place).strip())
    return None


def _apply(patch: bytes, commit: str, directory: Path) -> None:
    paths = _git(["apply", "--numstat", "-z", "-"], directory, patch)
    check_paths((line.split("\t")[-1] for line in paths.split("\0") if line), "patch")
    text = unmask(patch.decode(errors="surrogateescape"), lambda path: _git(["show", f"{commit}:{path}"], directory))
    _git(["apply", "--whitespace=nowarn", "-"], directory, text.encode(errors="surrogateescape"))


def _extract(archive: bytes, directory: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        check_paths(files.namelist(), "archive")
        for file in files.infolist():
            target = directory / file.filename
            if not target.parent.resolve().is_relative_to(directory.resolve()):
                raise ReproductionError(f"{file.filename!r} leads through a link out of the repository; it is refused")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files.read(file))
            target.chmod(file.external_attr >> 16 or 0o644)


def _git(arguments: Sequence[str], directory: Path | None = None, given: bytes | None = None) -> str:
    where = ["-C", str(directory)] if directory is not None else []
    done = subprocess.run(  # noqa: S603
        [_executable(), *where, "-c", f"core.hooksPath={os.devnull}", *arguments],
        input=given,
        capture_output=True,
        check=False,
        env=_environment(),
    )
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip()[:500]
        raise ReproductionError(f"git {arguments[0]} failed while the code was restored: {message}")
    return done.stdout.decode(errors="surrogateescape")


def _executable() -> str:
    found = shutil.which("git")
    if found is None:
        raise ReproductionError("git is needed to restore the code of a run; install it")
    return found


def _environment() -> dict[str, str]:
    """Let no variable point git to another repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {"LC_ALL": "C"}
