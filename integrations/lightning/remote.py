"""The run of the process that called `fit`, as a worker that it started sees it: each record is sent there."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from autotrack.records import FINISHED, AnyRecord
from autotrack.run import Run

PATIENCE = 5.0
"""Seconds to wait for the last records when the workers have ended."""


class RemoteRun(Run):
    """A run that lives in another process; ended there, not here.

    Args:
        known: What the run's attributes are there.
        artifacts: The directory of its files, which both processes see.
        connection: Leads there.
    """

    def __init__(self, known: dict[str, Any], artifacts: Path, connection: Connection) -> None:
        vars(self).update(known)
        self._artifacts = artifacts
        self._connection = connection

    def _write(self, record: AnyRecord) -> None:
        with contextlib.suppress(OSError):  # whoever asked for this run is gone, and this worker is about to be
            self._connection.send(record)

    @property
    def artifact_directory(self) -> Path:
        """Where the files of the run are written."""
        return self._artifacts

    def defer(self, what: str, job: Callable[[], None]) -> None:  # noqa: ARG002 - there is no queue to name it in
        """Do a job at once: a worker ends when its training does."""
        job()

    def end(self, status: str = FINISHED, error: str | None = None) -> None:
        """Leave the end to the process that began it."""


class Sent:
    """What a worker needs to write into a run: travels to it as an argument.

    Args:
        run: The run.
        connection: The end of a pipe to write to.
    """

    def __init__(self, run: Run, connection: Connection) -> None:
        self._known = {name: value for name, value in vars(run).items() if name != "_journal"}
        self._artifacts = run.artifact_directory
        self._connection = connection

    def open(self) -> RemoteRun:
        """Return the run as the worker writes to it."""
        return RemoteRun(self._known, self._artifacts, self._connection)


@contextmanager
def reachable(run: Run) -> Iterator[Sent]:
    """Take down what workers that are started in the block write into `run`."""
    receiver, sender = Pipe(duplex=False)
    thread = threading.Thread(target=_receive, args=(run, receiver), name="autotrack-workers", daemon=True)
    thread.start()
    try:
        yield Sent(run, sender)
    finally:
        sender.close()  # the workers have ended: with the last end of the pipe closed, the thread does too
        thread.join(PATIENCE)


def _receive(run: Run, receiver: Connection) -> None:
    with receiver:
        while True:
            try:
                record = receiver.recv()
            except (EOFError, OSError):
                return
            run._write(record)  # noqa: SLF001 - the record was made by a verb of the same class
