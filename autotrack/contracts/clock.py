"""A clock that moves only when told to."""

from __future__ import annotations


class FakeClock:
    """Stands in for `time.monotonic` where a class takes its clock as an argument.

    Args:
        now: Seconds it shows at first.

    Example:
        >>> clock = FakeClock(10.0)
        >>> clock.advance(2.5)
        >>> clock()
        12.5
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time it shows, in seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
