"""A SQLite file that is no sound database any more: tell it from other errors, and move it out of the way."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

try:
    import fcntl
except ImportError:  # Windows, where a file in use cannot be moved anyway
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from sqlalchemy import Engine

logger = logging.getLogger(__name__)
_SIGNS = ("malformed", "not a database", "unsupported file format")


def is_damage(error: BaseException) -> bool:
    """Tell whether an error says that a SQLite file is no sound database."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, UnicodeDecodeError):  # the message names a table whose name was damaged
        return True
    return isinstance(cause, sqlite3.DatabaseError) and any(sign in str(cause) for sign in _SIGNS)


def file_identity(path: Path) -> tuple[int, int] | None:
    """Name the file that is at a path now, or None where there is none."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def mark(path: Path, identity: tuple[int, int] | None) -> None:
    """Leave word beside a database that reading found it damaged; who writes to it next looks and acts."""
    with suppress(OSError):  # nobody may write there
        _mark_of(path).write_bytes(repr(identity).encode())


def is_unsound(engine: Engine, path: Path, identity: tuple[int, int] | None) -> bool:
    """Say whether a database that somebody marked is damaged indeed. It is read whole; one without a mark is not."""
    word = _mark_of(path)
    try:
        marked = word.read_bytes() == repr(identity).encode()
    except OSError:  # as a rule there is none
        marked = False
    if not marked:
        return False
    try:
        with engine.connect() as connection:
            sound = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() == "ok"
    except DBAPIError as error:
        if not is_damage(error):
            raise
        sound = False
    if sound:
        word.unlink(missing_ok=True)
    return not sound


def _mark_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def set_aside(path: Path, identity: tuple[int, int] | None) -> None:
    """Move a damaged database with its log to `<file>.corrupt-<time>`, never deleting anything.

    Args:
        path: The database.
        identity: Which file was found damaged. Where another stands there by now, some other process has replaced it
            and nothing happens.
    """
    with exclusive(path):
        if identity is None or file_identity(path) != identity:
            return
        aside = path.with_name(f"{path.name}.corrupt-{time.time_ns()}")
        for suffix in ("", "-wal", "-shm"):
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                companion.rename(aside.with_name(aside.name + suffix))
        _mark_of(path).unlink(missing_ok=True)
    logger.warning("the store %s is damaged; it was moved to %s and a new one begun", path, aside)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Let one process at a time create or move a database file."""
    if fcntl is None:
        yield
        return
    lock = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
