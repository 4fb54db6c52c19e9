"""The journal of one run as the run sees it: open whenever it is needed, and never raising for a bad disk."""

from __future__ import annotations

import contextlib
import logging
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence

from autotrack.backlog import Backlog
from autotrack.errors import JournalError
from autotrack.journal import Journal, encode_record
from autotrack.records import AnyRecord

logger = logging.getLogger("autotrack")

MAX_LINGERING = 16
"""How many journals of ended runs stay open for records that come late; opening one anew costs 0.3 ms."""

_all: weakref.WeakSet[RunJournal] = weakref.WeakSet()
_lingering: deque[RunJournal] = deque()
_refused: set[RunJournal] = set()
"""Journals with records that the disk refused. Held here, because their runs may end and go before it takes them."""


class RunJournal:
    """What a run writes to: a journal that opens with the first record and again with every late one.

    Args:
        run_id: The run.
        open_journal: Opens a new journal of a run, with its delivery under way; raises OSError where the disk refuses.
    """

    def __init__(self, run_id: str, open_journal: Callable[[str], Journal]) -> None:
        self._run_id = run_id
        self._open = open_journal
        self._lock = threading.RLock()
        self._journal: Journal | None = None
        self._backlog = Backlog()
        self._holds = 0
        self._ended = False
        _all.add(self)

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

    def append_all(self, records: Sequence[AnyRecord]) -> None:
        """Write records one after the other, with one write where the disk takes it."""
        journal = self._journal
        if journal is not None and not self._backlog:
            try:
                journal.append_frame(b"".join(map(encode_record, records)))
            except (JournalError, OSError):
                pass  # as in `append`
            else:
                return
        for record in records:
            self._append_slowly(record)

    def _append_slowly(self, record: AnyRecord) -> None:
        with self._lock:
            data = encode_record(record)
            try:
                self._writable().append_frame(data)
            except OSError as error:
                self._keep(data, error)
            if self._ended:
                _linger(self)
        if _refused and self not in _refused:  # the disk takes records again: those of other runs, too
            retry_refused()

    def _writable(self) -> Journal:
        """Return the journal, open, with everything in it that the disk refused before."""
        if self._journal is None or self._journal.closed:
            self._journal = self._open(self._run_id)
        self._backlog.write_to(self._journal)
        _refused.discard(self)
        return self._journal

    def _keep(self, data: bytes, error: OSError) -> None:
        if self not in _refused:
            logger.warning("cannot write the journal of run %s: %s; keeping records in memory", self._run_id, error)
        _refused.add(self)
        self._backlog.keep(data, f"disk: {error.strerror or error}")

    def retry(self) -> None:
        """Try to write what the disk refused."""
        with self._lock, contextlib.suppress(OSError):  # it still refuses: the next try may do better
            self._writable()
            self._close_if_done()

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
        if self._ended and self._holds == 0 and self not in _refused:
            self._close()

    def give_up(self) -> None:
        """Close the journal and say what the disk has refused to the last."""
        with self._lock:
            _refused.discard(self)
            self._close()

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()
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
        self._backlog = Backlog()  # the parent's to write


def _linger(journal: RunJournal) -> None:
    """Leave the journal of an ended run open for the next late record; of too many, close the oldest."""
    if journal not in _lingering:
        _lingering.append(journal)
        while len(_lingering) > MAX_LINGERING:
            _lingering.popleft().end()


def retry_refused() -> None:
    """Try to write what the disk has refused so far, of all runs."""
    for journal in list(_refused):
        journal.retry()


def end_all() -> None:
    """Close the journals that no background job holds."""
    _lingering.clear()
    retry_refused()
    for journal in list(_all):
        journal.end()
    for journal in list(_refused):
        journal.give_up()


def abandon_all_after_fork() -> None:
    """Leave all files of the parent alone."""
    _lingering.clear()
    _refused.clear()
    for journal in list(_all):
        journal.abandon_after_fork()
