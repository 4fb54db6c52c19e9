"""What can be said about this installation and its store when something seems wrong: what `autotrack doctor` prints.

Nothing here raises: a check that fails becomes its own finding.
"""

from __future__ import annotations

import logging
import os
import platform
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import msgspec

from autotrack import plugins
from autotrack._version import __version__
from autotrack.entry_points import load
from autotrack.errors import AutotrackError, StoreError
from autotrack.history import History
from autotrack.home import fallback_root
from autotrack.place import STORE_FILE, Place
from autotrack.settings import Settings
from autotrack.sync import waiting_journals
from autotrack.words import plural, size

OK, WARNING, ERROR, INFO = "ok", "warning", "error", "info"
PACKAGES = ("msgspec", "numpy", "sqlalchemy", "alembic", "wrapt", "click", "rich", "psutil")
NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p", "fuse", "afs")
RUNS_SEARCHED_FOR_NOTES = 100


class Finding(msgspec.Struct, frozen=True):
    """One fact.

    Attributes:
        topic: "version", "settings", "store", "delivery", "frameworks" or "tools".
        name: What it is about.
        level: "ok", "info", "warning" or "error".
        text: The fact, and what to do about it.
    """

    topic: str
    name: str
    level: str
    text: str


def version_findings() -> Iterator[Finding]:
    """Say what is installed."""
    yield Finding("version", "autotrack", INFO, f"{__version__} in {Path(__file__).parent}")
    yield Finding("version", "python", INFO, f"{platform.python_version()} ({sys.executable}), {platform.platform()}")
    for name in PACKAGES:
        try:
            yield Finding("version", name, INFO, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding("version", name, ERROR, f"not installed; run: pip install {name}")


def tool_findings() -> Iterator[Finding]:
    """Say which programs are found."""
    git = shutil.which("git")
    if git:
        yield Finding("tools", "git", OK, git)
    else:
        yield Finding("tools", "git", WARNING, "not found: runs carry no commit and no branch")


def store_findings(place: Place, history: History) -> Iterator[Finding]:
    """Say where the store is, on what kind of disk, and whether it is sound."""
    yield Finding("store", "location", INFO, place.label)
    if place.database is not None:
        yield _file_system(place.database)
        yield from _set_aside(place.database)
    yield _soundness(history)
    fallback = fallback_root() / STORE_FILE
    if fallback.exists() and fallback != place.database:
        yield Finding("store", "stand-in", WARNING, f"runs recorded while no store could be written are in {fallback}")


def _file_system(database: Path) -> Finding:
    folder = next((parent for parent in database.parents if parent.exists()), Path("/"))
    writable = os.access(folder, os.W_OK | os.X_OK)
    kind, free = file_system(folder), shutil.disk_usage(folder).free
    text = f"{kind}, {size(free)} free"
    if not writable:
        return Finding("store", "file system", ERROR, f"{text}; {folder} cannot be written")
    if kind.startswith(NETWORK_FILE_SYSTEMS):
        advice = "SQLite is slow and its locks unsafe on network file systems; point `store` to a local disk"
        return Finding("store", "file system", WARNING, f"{text}; {advice}")
    return Finding("store", "file system", OK if free > 100e6 else WARNING, text)


def file_system(folder: Path) -> str:
    """Return the type of the file system that holds a folder, such as "ext4"; "unknown" where nobody knows."""
    import psutil

    mounts = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    resolved = folder.resolve()
    return next((mounts[str(at)] for at in (resolved, *resolved.parents) if mounts.get(str(at))), "unknown")


def _set_aside(database: Path) -> Iterator[Finding]:
    for damaged in sorted(database.parent.glob(f"{database.name}.corrupt-*")):
        if not damaged.name.endswith(("-wal", "-shm")):
            yield Finding("store", "damaged", WARNING, f"{damaged} was moved aside; nothing of it was deleted")


def _soundness(history: History) -> Finding:
    from autotrack.store.schema import HEAD

    try:
        with history.reading() as store:
            problems, runs = store.check(), store.count()
    except StoreError as error:
        level = INFO if "no runs here yet" in str(error) else ERROR
        return Finding("store", "content", level, str(error).splitlines()[0])
    if problems:
        return Finding("store", "content", ERROR, "; ".join(problems))
    return Finding("store", "content", OK, f"{plural(runs, 'run')}, schema {HEAD}, no damage found")


def delivery_findings(history: History) -> Iterator[Finding]:
    """Say what waits on disk, what was refused, and what recent runs complain about."""
    pending: Counter[str] = Counter()
    alive = 0
    for journal in waiting_journals(history.home):
        alive += journal.alive
        pending.update({target: count for target, count in journal.pending.items() if not journal.alive})
    for target, count in sorted(pending.items()):
        yield Finding("delivery", target, WARNING, f"{size(count)} of ended processes wait; run: autotrack sync")
    if alive:
        yield Finding("delivery", "running", INFO, f"{plural(alive, 'journal')} of running processes")
    if not pending:
        yield Finding("delivery", "waiting", OK, "nothing")
    parked = history.home.journals / "parked"
    for file in sorted(parked.glob("*")) if parked.is_dir() else ():
        yield Finding("delivery", "refused", WARNING, f"records of run {file.name.partition('.')[0]} in {file}")
    yield from _complaints(history)


def _complaints(history: History) -> Iterator[Finding]:
    """Count the warnings and errors that autotrack has left on the latest runs, by their code."""
    try:
        with history.reading() as store:
            rows = store.search(limit=RUNS_SEARCHED_FOR_NOTES, with_values=False)
            notes = [note for row in rows for note in store.notes(row.id) if note.level != INFO]
    except StoreError:
        return
    for code, count in Counter(note.code for note in notes).most_common():
        example = next(note.message for note in notes if note.code == code)
        yield Finding(
            "delivery", code, WARNING, f"{count} on the latest {plural(len(rows), 'run')}, such as: {example}"
        )


def framework_findings(settings: Settings) -> Iterator[Finding]:
    """Say for each framework whether it is installed, and what is patched in it or why nothing is.

    It imports what is installed, since only the library itself can tell.
    """
    known = plugins.available()
    logging.getLogger("autotrack").addFilter(_quiet)
    watching = plugins.Plugins()
    try:
        watching.enable(settings.only, settings.exclude)
        problems = dict(_import_problems(known))
        for status in watching.status():
            yield _framework(status, known[status.name], problems.get(status.name))
    except AutotrackError as error:
        yield Finding("frameworks", "settings", ERROR, str(error))
    finally:
        watching.disable()
        logging.getLogger("autotrack").removeFilter(_quiet)


def _quiet(_: logging.LogRecord) -> bool:
    return False  # what is logged while patching is in the findings


def _import_problems(names: Any) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            yield name, "" if error.name == name else str(error)
        except Exception as error:  # noqa: BLE001 - a broken installation is what the user wants to hear of
            yield name, f"{type(error).__name__}: {error}"


def _framework(status: plugins.Status, path: str, problem: str | None) -> Finding:
    if problem is not None:
        text = f"cannot be imported: {problem}" if problem else "not installed"
        return Finding("frameworks", status.name, ERROR if problem else INFO, text)
    if status.state == "excluded":
        return Finding("frameworks", status.name, INFO, status.detail)
    try:
        supported = f" (supported: {load(path).requires})"
    except Exception:  # noqa: BLE001 - the status below already says why the integration cannot be loaded
        supported = ""
    level = OK if status.state == "on" else ERROR
    return Finding("frameworks", status.name, level, f"{status.version}{supported}: {status.detail}")


def guarded(topic: str, findings: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Collect findings; a check that breaks is a finding too."""
    found = []
    try:
        for finding in findings():
            found.append(finding)  # noqa: PERF402 - what was found before a check broke counts
    except Exception as error:  # noqa: BLE001
        found.append(Finding(topic, "check", ERROR, f"{type(error).__name__}: {error}"))
    return found
