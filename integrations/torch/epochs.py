"""Epochs of a loop: one pass of a data loader that optimizer steps were made from, or what lies between evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from autotrack.integrations.torch.data_loading import Feed, describe, log_dataset
from autotrack.integrations.torch.session import session
from autotrack.integrations.torch.transfer import Values

if TYPE_CHECKING:
    from autotrack.integrations.torch.loop import Loop


class Epochs:
    """Counts the epochs of a loop and records what each came to.

    Args:
        loop: The loop.

    Attributes:
        feed: The data loader iteration that the last steps were made from, if there is one.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.feed: Feed | None = None
        self._completed = 0
        self._steps = 0
        self._began = perf_counter()
        self._sums: dict[str, tuple[float, int]] = {}

    def step(self, steps: int) -> None:
        """Note optimizer steps, and what data they were made from."""
        self._steps += steps
        feed = session().feed
        if feed is not None and not feed.trained:
            feed.trained = True
            if self.feed is None:
                self._loop.run.log_params(describe(feed))
                log_dataset(self._loop.run, feed)
            self.feed = feed

    def add(self, name: str, losses: Sequence[float]) -> None:
        """Take the losses of steps, when they have arrived."""
        total, count = self._sums.get(name, (0.0, 0))
        self._sums[name] = (total + sum(losses), count + len(losses))

    def end(self) -> None:
        """End the epoch under way, if any step was made in it."""
        self._loop.settle()
        if not self._steps:
            return
        self._steps = 0
        loop = self._loop
        loop.post(self._log, (self._completed, self._speed()), {})
        loop.transfer.send()
        self._completed += 1
        self._began = perf_counter()
        for kept in loop.trained.kept:
            kept.refresh()

    def _speed(self) -> dict[str, float]:
        if self.feed is None:
            return {"epoch_seconds": perf_counter() - self._began}
        seconds = self.feed.seconds()
        return {
            "epoch_seconds": seconds,
            "samples_per_second": self.feed.rows / seconds if seconds else 0.0,
            "data_wait_seconds": self.feed.waited,
        }

    def _log(self, subject: tuple[int, dict[str, float]], values: Values) -> None:  # noqa: ARG002 - none were sent
        step, speed = subject
        means = {f"train_{name}": total / count for name, (total, count) in self._sums.items() if count}
        self._sums = {}
        self._loop.run.log_metrics({**means, **speed}, step)

    def step_of_evaluation(self) -> int:
        """Return the epoch that an evaluation now belongs to: the one under way, else the one that is just over."""
        self._loop.settle()
        return self._completed if self._steps else max(0, self._completed - 1)

    def finish(self) -> None:
        """End the last epoch, where there are epochs at all."""
        if self.feed is not None or self._completed:
            self.end()
