"""One background thread for what need not happen while the user waits: pictures, requirement lists, model folders."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from autotrack.courtesy import give_way
from autotrack.shield import contain

Job = Callable[[], None]


class Worker:
    """Runs jobs one after the other, in order, on a daemon thread that starts with the first job.

    A job that raises is contained; the next one runs. Errors under `AUTOTRACK_TESTING=1` are raised by `drain`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._jobs: deque[tuple[str, Job]] = deque()
        self._running = False
        self._closing = False
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None

    def submit(self, what: str, job: Job) -> None:
        """Queue a job. After `close`, or where no thread can start any more, it runs at once."""
        with self._changed:
            if not self._closing and self._ensure_thread():
                self._jobs.append((what, job))
                self._changed.notify_all()
                return
        self._run(what, job)

    def _ensure_thread(self) -> bool:
        if self._thread is not None:
            return True
        self._thread = threading.Thread(target=self._loop, name="autotrack-worker", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is shutting down
            self._thread = None
            return False
        return True

    def _loop(self) -> None:
        while True:
            with self._changed:
                self._await_job()
                if not self._jobs:
                    return
                what, job = self._jobs.popleft()
                self._running = True
            self._run(what, job)
            del job  # it may hold a model
            with self._changed:
                self._running = False
                self._changed.notify_all()

    def _await_job(self) -> None:
        """Wait for a job; an idle worker lets short trainings go first, unless somebody waits for its results."""
        if self._jobs or self._closing:
            return
        self._changed.wait_for(lambda: self._jobs or self._closing)
        give_way(lambda seconds: self._changed.wait_for(lambda: self._closing or self._waiting, seconds))

    def _run(self, what: str, job: Job) -> None:
        try:
            job()
        except Exception as error:
            try:
                contain(error, what)
            except Exception as fatal:  # only when testing: hand it to the thread that waits
                self._failure = fatal

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until all queued jobs are done; say whether they are."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed, self._waiter():
            while (self._jobs or self._running) and threading.current_thread() is not self._thread:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._changed.wait(left)
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return True

    @contextmanager
    def _waiter(self) -> Iterator[None]:
        self._waiting += 1
        self._changed.notify_all()
        try:
            yield
        finally:
            self._waiting -= 1

    def close(self, timeout: float) -> bool:
        """Finish queued jobs within `timeout` seconds and end the thread; say whether all were done."""
        done = self.drain(timeout)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread() and done:
            thread.join(timeout)
        return done
