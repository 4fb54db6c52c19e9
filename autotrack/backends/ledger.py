"""What a backend remembers of each run, on disk: its ids on the other side, and which records it has taken.

A server that chooses the ids of runs cannot be asked to make a run "again", and a file that only grows cannot take a
line twice. Such a backend keeps one entry a run here, in the home, and so goes on where the last process stopped.
Losing the file loses no data: what the other side knows of a run has to be enough to find it again.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from autotrack.errors import RetryableError

logger = logging.getLogger("autotrack")

FOLDER = "remote"
BUSY_SECONDS = 30.0


class Entry(msgspec.Struct):
    """One run as a backend knows it.

    Attributes:
        ids: Names on the other side, such as `{"run": "0b1c…"}`.
        writers: For each writer, the `seq` of the last record taken.
        about: What the run is and has, as JSON, for backends that send a description whole.
    """

    ids: dict[str, str] = {}
    writers: dict[str, int] = {}
    about: str = ""


class Ledger:
    """The entries of one target.

    Args:
        home: Directory of everything autotrack keeps.
        target: The other side, without credentials.

    Raises:
        RetryableError: The disk refuses.
    """

    def __init__(self, home: Path, target: str) -> None:
        folder = home / FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{hashlib.sha256(target.encode()).hexdigest()[:16]}.db"
        try:
            self._connection = self._open()
        except sqlite3.OperationalError as error:  # locked, full, read-only: not damage
            raise RetryableError(f"cannot open {self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            logger.warning("%s is damaged (%s) and begun anew; runs are found again on their server", self._path, error)
            self._path.unlink()
            self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=8
        )
        connection.execute("PRAGMA journal_mode=WAL").close()
        connection.execute("PRAGMA synchronous=NORMAL").close()
        connection.execute("CREATE TABLE IF NOT EXISTS run (id TEXT PRIMARY KEY, entry BLOB NOT NULL)").close()
        return connection

    def load(self, run_id: str) -> Entry:
        """Return what is known of a run; an empty entry for an unknown one."""
        with closing(self._connection.execute("SELECT entry FROM run WHERE id = ?", (run_id,))) as cursor:
            row = cursor.fetchone()
        return Entry() if row is None else msgspec.msgpack.decode(row[0], type=Entry)

    def save(self, run_id: str, entry: Entry) -> None:
        """Remember an entry; it survives the process.

        Raises:
            RetryableError: The disk refuses.
        """
        row = (run_id, msgspec.msgpack.encode(entry))
        try:
            self._connection.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", row).close()
        except sqlite3.OperationalError as error:
            raise RetryableError(f"cannot write {self._path}: {error}") from error

    def forget(self, run_id: str) -> None:
        """Drop an entry that the other side does not know any more."""
        self._connection.execute("DELETE FROM run WHERE id = ?", (run_id,)).close()

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._connection.close()
