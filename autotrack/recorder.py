"""Journals, worker and delivery of one process, made when its first run starts."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

from autotrack.delivery import Delivery
from autotrack.home import open_home
from autotrack.journal import Journal, create_journal
from autotrack.owner import Owner
from autotrack.records import NoteLogged
from autotrack.recovery import Recovery
from autotrack.run_journal import RunJournal, end_all, retry_refused
from autotrack.settings import Settings
from autotrack.targets import connectors, home_root
from autotrack.worker import Worker

if TYPE_CHECKING:
    from autotrack.run import Run

logger = logging.getLogger("autotrack")


class Service(Protocol):
    """A thread that runs as long as the recorder does, such as the sampler of system metrics."""

    def stop(self, timeout: float = ...) -> object:
        """End it within `timeout` seconds."""


class Conversions(Protocol):
    """Who converts models into safer formats; the jobs of the worker that save them wait for it."""

    def hurry(self, timeout: float) -> None:
        """Let what is planned be done within `timeout` seconds; what is left is given up."""

    def stop(self, timeout: float) -> None:
        """The same, for good."""


class Recorder:
    """Journals, worker and delivery of this process.

    Args:
        settings: How to behave.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = open_home(home_root(settings))
        self.worker = Worker()
        self.runs: dict[str, Run] = {}
        self.services: dict[str, Service] = {}
        self.conversions: Conversions | None = None
        self._owner = Owner(self.home.owners)
        self._recovery = Recovery(self.home)
        self.delivery = Delivery(connectors(settings, self.home), self.note, self._recovery.orphans)
        try:
            self.delivery.start()
        except RuntimeError as error:
            # No news at the interpreter's end; where threads are not allowed, or too many, somebody should know.
            level = logging.DEBUG if "shutdown" in str(error) else logging.WARNING
            logger.log(level, "no thread can be started (%s): what is logged waits on disk for `autotrack sync`", error)

    def open_journal(self, run_id: str) -> Journal:
        """Return a new journal of a run, with its delivery under way.

        Raises:
            OSError: The disk is full or gone.
        """
        journal = create_journal(self.home.journals, run_id, self._owner.name, self.delivery.targets)
        self.delivery.add(journal.path, journal.header, journal)
        return journal

    def note(self, run_id: str, code: str, message: str) -> None:
        """Put a warning on a run, from outside of it."""
        journal = RunJournal(run_id, self.open_journal)
        journal.append(NoteLogged(time=time.time_ns(), code=code, message=message, level="warning"))
        journal.end()

    def ended(self, run: Run) -> None:
        """Forget a run that has ended."""
        self.runs.pop(run.id, None)

    def flush(self, timeout: float | None = None, targets: Collection[str] | None = None) -> bool:
        """Wait until backends (all, or those of `targets`) have all that was logged; say whether they have."""
        started = time.monotonic()
        done = self.worker.drain(timeout)
        retry_refused()
        left = None if timeout is None else max(0.0, timeout - (time.monotonic() - started))
        return self.delivery.flush(left, targets) and done

    def finish(self, timeout: float) -> None:
        """Finish background work within `timeout` seconds."""
        deadline = time.monotonic() + timeout

        def left() -> float:
            return max(0.0, deadline - time.monotonic())

        for service in self.services.values():
            service.stop(left())
        if self.conversions is not None:
            self.conversions.stop(left())
        self.worker.close(left())

    def close(self, timeout: float) -> bool:
        """Deliver within `timeout` seconds, after `finish`; what is left stays on disk."""
        end_all()
        done = self.delivery.close(timeout)
        self._recovery.close()
        self._owner.release()
        return done

    def abandon_after_fork(self) -> None:
        """Give up handles that belong to the parent."""
        self._owner.drop()
        self._recovery.close()
