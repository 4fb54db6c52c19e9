"""Frames that a full or vanished disk refused, kept in memory until it takes them, and counted when they must go."""

from __future__ import annotations

from collections import Counter, deque

from autotrack.journal import Journal

MAX_BYTES = 64 * 1024 * 1024


class Backlog:
    """A bounded queue of frames for one journal, oldest first.

    Attributes:
        dropped: How many records were lost, by reason.
    """

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._limit = limit
        self.dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return how many frames wait."""
        return len(self._frames)

    def keep(self, data: bytes, reason: str) -> None:
        """Queue a frame; where there is no room left, the newest is dropped and counted."""
        if self._bytes + len(data) > self._limit:
            self.dropped[reason] += 1
            return
        self._frames.append(data)
        self._bytes += len(data)

    def write_to(self, journal: Journal) -> None:
        """Write what waits.

        Raises:
            OSError: The disk still refuses; what is left stays queued.
        """
        while self._frames:
            journal.append_frame(self._frames[0])
            self._bytes -= len(self._frames.popleft())
