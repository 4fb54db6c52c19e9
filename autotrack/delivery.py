"""Run one follower per backend in a thread of its own, and tidy up journals that every backend has.

The training thread never waits here: it appends to a journal, and the followers look for news a few times a second.
Only a flush and the end of the process wake them: many short runs go out in one batch.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from autotrack.backends.base import Backend
from autotrack.courtesy import give_way
from autotrack.follower import Follower, Note, Track
from autotrack.journal import Journal, JournalHeader
from autotrack.shield import contain, shielded

POLL = 0.2


class Delivery:
    """Carries the journals of this process to all its backends.

    Args:
        connectors: For each target, a function that opens its backend.
        note: Called with run id, code and message when a run's data met trouble on their way.
        adopt: Called once, in the first follower's thread, to find journals left behind by dead processes.
    """

    def __init__(
        self,
        connectors: dict[str, Callable[[], Backend]],
        note: Note,
        adopt: Callable[[], Sequence[tuple[Path, JournalHeader]]] = tuple,
    ) -> None:
        self._left: dict[Path, set[str]] = {}
        self._lock = threading.Lock()
        self._adopt = adopt
        self._channels = [
            _Channel(Follower(target, connect, self._finished, note)) for target, connect in connectors.items()
        ]
        self.targets = tuple(connectors)

    @property
    def followers(self) -> list[Follower]:
        """The followers, for `autotrack doctor` and tests."""
        return [channel.follower for channel in self._channels]

    @property
    def pending(self) -> int:
        """Bytes that some backend has not got yet."""
        return sum(follower.pending for follower in self.followers)

    def start(self) -> None:
        """Start the threads and look for journals that dead processes left behind."""
        for channel in self._channels:
            channel.start()
        if self._channels:
            self._channels[0].call(self._adopt_orphans)

    def _adopt_orphans(self) -> None:
        for path, header in self._adopt():
            self.add(path, header)

    def add(self, path: Path, header: JournalHeader, journal: Journal | None = None) -> None:
        """Follow a journal: one of ours while we write it, or one whose writer is gone."""
        targets = set(header.targets or self.targets)
        with self._lock:
            self._left[path] = targets
        for channel in self._channels:
            if channel.follower.target in targets:
                channel.add(Track(path, header, channel.follower.target, journal))

    def _finished(self, track: Track) -> None:
        """Remove a journal once every target has all of it."""
        with self._lock:
            left = self._left.get(track.path, set())
            left.discard(track.target)
            if left:
                track.save()
                return
            self._left.pop(track.path, None)
        remove_journal(track.path)

    def flush(self, timeout: float | None = None, targets: Collection[str] | None = None) -> bool:
        """Wait until backends (all, or those of `targets`) have what was logged until now; say whether they do."""
        deadline = None if timeout is None else time.monotonic() + timeout
        asked = [channel for channel in self._channels if targets is None or channel.follower.target in targets]
        barriers = [channel.barrier() for channel in asked]
        return all(
            barrier.wait(None if deadline is None else max(0.0, deadline - time.monotonic())) for barrier in barriers
        )

    def close(self, timeout: float) -> bool:
        """Deliver what is left within `timeout` seconds, end the threads and close the backends.

        Returns:
            Whether everything was delivered. What was not stays on disk.
        """
        deadline = time.monotonic() + timeout
        for channel in self._channels:
            channel.stop()
        for channel in self._channels:
            channel.join(max(0.0, deadline - time.monotonic()))
        return self.pending == 0


def remove_journal(path: Path) -> None:
    """Delete a journal and what lies beside it: cursors, and who has taken it over."""
    for companion in path.parent.glob(f"{path.stem}.*"):
        if companion != path:
            companion.unlink(missing_ok=True)
    path.unlink(missing_ok=True)


class _Channel:
    """The thread of one follower and how others talk to it."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self._news = threading.Event()
        self._inbox: deque[Track] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._barriers: list[tuple[dict[Track, int], threading.Event]] = []
        self._barrier_requests: deque[threading.Event] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name=f"autotrack-{follower.target}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, track: Track) -> None:
        self._inbox.append(track)  # the next look finds it: waking now would take the lock from what begins to train

    def call(self, function: Callable[[], None]) -> None:
        self._calls.append(function)
        self._news.set()

    def barrier(self) -> threading.Event:
        """Return an event that is set once everything written before now has been delivered."""
        event = threading.Event()
        if not self._thread.is_alive():
            event.set()
            return event
        self._barrier_requests.append(event)
        self._news.set()
        return event

    def stop(self) -> None:
        self._stopping = True
        self._news.set()

    def join(self, timeout: float) -> None:
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _loop(self) -> None:
        while True:
            self._news.clear()
            stopping = self._stopping  # asked before the turn: what came in until then is delivered by it
            more = self._turn()
            if stopping and not more:
                break
            if not more:
                self._news.wait(self._patience())
                give_way(self._news.wait)
        with shielded(f"closing {self.follower.target}"):
            self.follower.close()

    def _turn(self) -> bool:
        """Do what there is to do; say whether there is more. A bug of ours must not end the thread."""
        try:
            self._take_news()
            more = self._deliver()
            self._pass_barriers()
        except Exception as error:
            contain(error, f"delivering to {self.follower.target}")
            return False
        return more

    def _take_news(self) -> None:
        while self._calls:
            self._calls.popleft()()
        while self._inbox:
            self.follower.tracks.append(self._inbox.popleft())
        while self._barrier_requests:
            sizes = {track: track.size for track in self.follower.tracks}
            self._barriers.append((sizes, self._barrier_requests.popleft()))

    def _deliver(self) -> bool:
        """Carry a batch; say whether to go on at once."""
        if self.follower.failures and time.monotonic() < self.follower.retry_at and not self._stopping:
            return False
        return self.follower.step()

    def _pass_barriers(self) -> None:
        waiting = []
        for sizes, event in self._barriers:
            if all(track.offset >= size for track, size in sizes.items()):
                event.set()
            else:
                waiting.append((sizes, event))
        self._barriers = waiting

    def _patience(self) -> float:
        """Return how long to wait for news: a look a few times a second takes many short runs in one batch."""
        if self.follower.failures:
            return max(0.01, self.follower.retry_at - time.monotonic())
        return POLL
