"""Start what a run was, once more, and find the run that comes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from autotrack import names
from autotrack.capture.entry import Entry
from autotrack.capture.git_process import find_root
from autotrack.capture.secret_code import redact_file
from autotrack.context import RERUN_VARIABLE
from autotrack.errors import ReproductionError
from autotrack.history import History
from autotrack.place import Place
from autotrack.reproduction.evidence import Evidence, read_file
from autotrack.stored_run import StoredRun


def start(
    run: StoredRun,
    evidence: Evidence,
    *,
    arguments: Sequence[str],
    tree: Path,
    python: Path | None = None,
) -> int:
    """Run the program of a run in a tree that has its code, and wait for its end.

    The program's streams are those of this process. Its runs go to the store that `run` was read from.

    Args:
        run: The root run to do again.
        evidence: What it recorded.
        arguments: The command line.
        tree: The restored repository, or an empty directory where the run was made outside of one.
        python: The interpreter; this one by default.

    Returns:
        The exit status of the program.
    """
    entry = evidence.entry
    program, directory = _program(run, entry, tree)
    # autotrack is taken from where it is installed, not from a folder of that name in the working directory
    launch = "import sys; sys.path.pop(0); from autotrack.cli import main; sys.path.insert(0, ''); main()"
    command = [str(python or sys.executable), "-c", launch, "run", *program, *arguments]
    variables = _variables(run, evidence, run.history.place)
    return subprocess.run(command, cwd=directory, env=variables, check=False).returncode  # noqa: S603


def here(entry: Entry) -> Path:
    """Return the working tree to use as it is: the one around this directory, or the one of the run.

    Raises:
        ReproductionError: There is none.
    """
    root = find_root(Path.cwd()) or (Path(entry.repository) if entry.repository else Path.cwd())
    if not root.is_dir():
        raise ReproductionError(f"{root} is gone; call `autotrack rerun --here` inside a working tree of the program")
    return root


def link(entry: Entry, path: str, tree: Path) -> None:
    """Link a file or folder of the original working tree into the restored one.

    Args:
        entry: What was started; a relative `path` starts at the root of its repository.
        path: Where it is.
        tree: The restored repository.

    Raises:
        ReproductionError: It is not there, lies outside of the repository, or the restored code has it already.
    """
    root = Path(entry.repository)
    source = root / path
    if not entry.repository or not source.exists() or not source.absolute().is_relative_to(root):
        raise ReproductionError(f"cannot link {path!r}: it is not in {root}, where the run was made")
    target = tree / source.absolute().relative_to(root)
    if target.exists():
        raise ReproductionError(f"cannot link {path!r}: the restored code has it already")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.absolute())


def runs_again(history: History, run: StoredRun) -> list[StoredRun]:
    """Return the runs that did `run` again, the newest first."""
    return list(history.search(f'tags."{names.RERUN_OF}" = "{run.id}"', order_by="start_time desc"))


def _program(run: StoredRun, entry: Entry, tree: Path) -> tuple[list[str], Path]:
    """Return what to start, as `autotrack run` takes it, and the working directory.

    Raises:
        ReproductionError: It was no program that can be started.
    """
    if entry.kind not in {"script", "module"}:
        kept = ", whose cells are in its file code/notebook.py" if entry.kind == "notebook" else ""
        raise ReproductionError(
            f"run {run.name!r} was made in a console or notebook{kept}; there is no program to start"
        )
    directory = tree / entry.directory  # an absolute one stays as it is
    if not directory.is_dir():
        directory = tree
    if entry.kind == "module":
        return ["-m", entry.name], directory
    script = tree / entry.name
    if not entry.commit:
        script = _script_outside(run, Path(entry.name), tree)
    if not script.is_file():
        raise ReproductionError(
            f"the script {entry.name} is not in the restored code; it was left out, or ignored by git"
        )
    return [str(script)], directory


def _script_outside(run: StoredRun, script: Path, tree: Path) -> Path:
    """Return the script of a run without repository: itself where it has not changed, else the copy that was kept."""
    kept = read_file(run, f"code/{script.name}")
    if script.is_file() and redact_file(script.name, script.read_text(errors="replace"))[0].encode() == kept:
        return script
    copy = tree / script.name
    copy.write_bytes(kept)
    return copy


def _variables(run: StoredRun, evidence: Evidence, place: Place) -> Mapping[str, str]:
    database = place.database
    inside = database is not None and database.parent == place.home
    return {
        **os.environ,
        **evidence.environment.get("variables", {}),
        RERUN_VARIABLE: f"{run.id}:{evidence.entry.position}",
        "AUTOTRACK_STORE": str(place.home),
        "AUTOTRACK_TO": str(place.home) if inside else place.url,
        "AUTOTRACK_EXPERIMENT": run.experiment,
        "AUTOTRACK_QUIET": "1",
    }
