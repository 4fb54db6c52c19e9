"""What a process needs to record, made when its first run starts: home, journals, worker, delivery.

There is one `Recorder` at a time. A forked child drops its parent's and makes its own when it logs; the end of the
process, or `disable`, finishes open runs and gives delivery a bounded time.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from autotrack import shield
from autotrack.backends import open_backend, redact_url
from autotrack.backends.base import Backend, BackendContext
from autotrack.backlog import Backlog
from autotrack.delivery import Delivery
from autotrack.errors import JournalError
from autotrack.home import Home, open_home
from autotrack.journal import Journal, create_journal, encode_record
from autotrack.owner import Owner
from autotrack.records import FINISHED, AnyRecord, NoteLogged
from autotrack.recovery import Recovery
from autotrack.settings import Settings, resolve
from autotrack.worker import Worker

if TYPE_CHECKING:
    from autotrack.run import Run

logger = logging.getLogger("autotrack")

HOME_STORE = "home"
"""The target name of the store that lies in the home itself."""

_lock = threading.RLock()
_settings: Settings | None = None
_recorder: Recorder | None = None
_journals: weakref.WeakSet[RunJournal] = weakref.WeakSet()


class Service(Protocol):
    """A thread that runs as long as the recorder does, such as the sampler of system metrics."""

    def stop(self, timeout: float = ...) -> object:
        """End it within `timeout` seconds."""


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
        self._owner = Owner(self.home.owners)
        self._recovery = Recovery(self.home)
        self.delivery = Delivery(connectors(settings, self.home), self.note, self._recovery.orphans)
        try:
            self.delivery.start()
        except RuntimeError:  # the interpreter is shutting down; the journals wait for the next process
            logger.debug("no thread for delivery at interpreter shutdown")

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
        journal = RunJournal(run_id)
        journal.append(NoteLogged(time=time.time_ns(), code=code, message=message, level="warning"))
        journal.end()

    def ended(self, run: Run) -> None:
        """Deliver a run that has just ended."""
        self.runs.pop(run.id, None)
        self.delivery.wake()

    def flush(self, timeout: float | None = None, targets: Collection[str] | None = None) -> bool:
        """Wait until backends (all, or those of `targets`) have all that was logged; say whether they have."""
        started = time.monotonic()
        done = self.worker.drain(timeout)
        left = None if timeout is None else max(0.0, timeout - (time.monotonic() - started))
        return self.delivery.flush(left, targets) and done

    def finish(self, timeout: float) -> None:
        """Finish background work within `timeout` seconds."""
        for service in self.services.values():
            service.stop(timeout)
        self.worker.close(timeout)

    def close(self, timeout: float) -> bool:
        """Deliver within `timeout` seconds, after `finish`; what is left stays on disk."""
        for journal in list(_journals):
            journal.end()
        done = self.delivery.close(timeout)
        self._recovery.close()
        self._owner.release()
        return done

    def abandon_after_fork(self) -> None:
        """Give up handles that belong to the parent."""
        self._owner.drop()
        self._recovery.close()


class RunJournal:
    """The journal of one run as the run sees it: always open when needed, never raising for a bad disk."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._lock = threading.RLock()
        self._journal: Journal | None = None
        self._backlog = Backlog()
        self._holds = 0
        self._ended = False
        _journals.add(self)

    def append(self, record: AnyRecord) -> None:
        """Write one record; what the disk refuses is kept in memory and tried again with the next one."""
        journal = self._journal
        if journal is not None and not self._backlog:
            try:
                journal.append(record)
            except (JournalError, OSError):
                pass  # closed, or the disk is full: the slow way says which
            else:
                return
        self._append_slowly(record)

    def _append_slowly(self, record: AnyRecord) -> None:
        with self._lock:
            data = encode_record(record)
            try:
                if self._journal is None or self._journal.closed:
                    self._journal = current_recorder().open_journal(self._run_id)
                self._backlog.write_to(self._journal)
                self._journal.append_frame(data)
            except OSError as error:
                self._keep(data, error)
            self._close_if_done()

    def _keep(self, data: bytes, error: OSError) -> None:
        if not self._backlog:
            logger.warning("cannot write the journal of run %s: %s; keeping records in memory", self._run_id, error)
        self._backlog.keep(data, f"disk: {error.strerror or error}")

    def hold(self) -> None:
        """Keep the journal open for a background job, though the run may end."""
        with self._lock:
            self._holds += 1

    def let_go(self) -> None:
        """End a `hold`."""
        with self._lock:
            self._holds -= 1
            self._close_if_done()

    def end(self) -> None:
        """Say that the run has ended: the journal closes when no background job holds it."""
        with self._lock:
            self._ended = True
            self._close_if_done()

    def _close_if_done(self) -> None:
        if self._ended and self._holds == 0 and self._journal is not None:
            self._journal.close()
            self._report_losses()

    def _report_losses(self) -> None:
        if self._backlog or self._backlog.dropped:
            lost = len(self._backlog) + sum(self._backlog.dropped.values())
            reasons = ", ".join(self._backlog.dropped) or "the disk refused them"
            logger.warning("run %s lost %d records: %s", self._run_id, lost, reasons)

    def abandon_after_fork(self) -> None:
        """Leave the parent's file alone; the child opens its own when it logs."""
        self._lock = threading.RLock()
        if self._journal is not None:
            self._journal.abandon_after_fork()
            self._journal = None


def configure(settings: Settings) -> None:
    """Set how runs that start from now on are recorded; an open recorder with other settings is closed first."""
    global _settings
    with _lock:
        if _recorder is not None and _recorder.settings != settings:
            close_recorder()
        _settings = settings
        shield.be_strict(strict=settings.strict or settings.testing)


def current_settings() -> Settings:
    """Return the settings in force: those of `enable`, else what variables and pyproject.toml say."""
    with _lock:
        return _settings if _settings is not None else resolve().settings


def current_recorder() -> Recorder:
    """Return the recorder of this process; the first call makes it."""
    global _recorder
    if _recorder is None:
        with _lock:
            if _recorder is None:
                _recorder = Recorder(current_settings())
                atexit.register(_at_exit)
    return _recorder


def open_recorder() -> Recorder | None:
    """Return the recorder if there is one, without making it."""
    return _recorder


def close_recorder(timeout: float | None = None) -> bool:
    """Close the recorder, if there is one; say whether everything was delivered."""
    global _recorder
    recorder = _recorder
    if recorder is None:
        return True
    limit = recorder.settings.exit_timeout if timeout is None else timeout
    deadline = time.monotonic() + limit
    recorder.finish(limit)  # while it is in place: background jobs still log, and would open another one
    with _lock:
        if _recorder is not recorder:  # another thread has closed it meanwhile
            return True
        _recorder = None
    atexit.unregister(_at_exit)
    return recorder.close(max(0.0, deadline - time.monotonic()))


def forget_settings() -> None:
    """Go back to the settings of variables and pyproject.toml."""
    global _settings
    with _lock:
        _settings = None
        shield.be_strict(strict=False)


def _at_exit() -> None:
    recorder = _recorder
    if recorder is None:
        return
    for run in list(recorder.runs.values()):
        run.end(FINISHED)
    if not close_recorder():
        where = ", ".join(recorder.delivery.targets)
        message = f"autotrack: records for {where} wait in {recorder.home.journals}; `autotrack sync` delivers them"
        print(message, file=sys.stderr)  # noqa: T201 - logging may be gone at this point


def home_root(settings: Settings) -> Path:
    """Return the directory of the home: the first target that is a plain path, else the setting `store`."""
    paths = [target for target in settings.to if is_path(target)]
    return Path(paths[0]).expanduser() if paths else Path(settings.store)


def is_path(target: str) -> bool:
    """Say whether a target is a directory rather than a URL."""
    return "://" not in target and not target.endswith(".db")


def connectors(settings: Settings, home: Home) -> dict[str, Callable[[], Backend]]:
    """Return, for each target by its name in journals, the function that opens its backend."""
    context = BackendContext(home=home.root, artifacts=home.artifacts)
    urls = {target_name(target): target for target in settings.to} or {HOME_STORE: HOME_STORE}
    return {
        name: _connector(target_url(url, home) if name == HOME_STORE else url, context) for name, url in urls.items()
    }


def target_name(target: str) -> str:
    """Return the name of a target in journals: without password, and the same wherever the home is moved to."""
    return HOME_STORE if is_path(target) else redact_url(target)


def target_url(target: str, home: Home) -> str:
    """Return the URL behind a target."""
    return f"sqlite:///{home.root / 'store.db'}" if target == HOME_STORE or is_path(target) else target


def _connector(url: str, context: BackendContext) -> Callable[[], Backend]:
    return lambda: open_backend(url, context)


def _after_fork_in_child() -> None:
    global _recorder, _lock
    _lock = threading.RLock()
    recorder, _recorder = _recorder, None
    if recorder is not None:
        atexit.unregister(_at_exit)
        recorder.abandon_after_fork()
    for journal in list(_journals):
        journal.abandon_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
