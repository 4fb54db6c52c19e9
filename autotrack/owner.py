"""The lock that shows a process is alive, so that others know which journals nobody writes any more.

Each recording process holds one exclusive `flock` on a file of its own for as long as it lives. The kernel drops it
with the process, whatever ends it, and unlike a process id it is right across containers that share a directory.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no flock; there the process id decides
    fcntl = None  # type: ignore[assignment]

LOCK_SECONDS = 2.0


class Owner:
    """The lock of this process; held from construction until `release`.

    Args:
        directory: Where owner files lie.
    """

    def __init__(self, directory: Path) -> None:
        self.name = os.urandom(8).hex()
        self._path = directory / self.name
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        if fcntl is not None:
            with contextlib.suppress(OSError):  # file systems without locks fall back on the process id
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        import psutil  # 13 ms: with the first run, not with `enable`

        process = psutil.Process()
        os.write(self._fd, f"{process.pid} {process.create_time()}".encode())

    def release(self) -> None:
        """Give the lock up and remove its file."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        self.drop()

    def drop(self) -> None:
        """Close the file without a word to others: what a forked child does with its parent's lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_alive(directory: Path, name: str) -> bool:
    """Say whether the process behind an owner file still runs."""
    path = directory / name
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return _is_locked(fd) or _process_runs(os.pread(fd, 200, 0).decode())
    finally:
        os.close(fd)


def _is_locked(fd: int) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


def _process_runs(text: str) -> bool:
    import psutil

    pid, _, started = text.partition(" ")
    try:
        return bool(abs(psutil.Process(int(pid)).create_time() - float(started)) < 1.0)
    except (psutil.Error, ValueError):
        return False


def forget(directory: Path, name: str) -> None:
    """Remove the file of an owner that is gone."""
    with contextlib.suppress(OSError):
        (directory / name).unlink()


@contextlib.contextmanager
def recovery_lock(directory: Path) -> Iterator[bool]:
    """Hold the lock under which journals of dead processes are taken over; yields whether we got it in time."""
    fd = os.open(directory / "recovery.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_SECONDS
    try:
        while not (ours := _lock(fd)) and time.monotonic() < deadline:
            time.sleep(0.01)
        yield ours
    finally:
        os.close(fd)


def _lock(fd: int) -> bool:
    if fcntl is not None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks: taking over twice delivers twice, which does no harm
            return True
    return True
