"""The time that epochs and batches take, apart from what happens at the first batch alone: tracing, compiling."""

from __future__ import annotations

import time
from typing import Any

import keras

from autotrack.integrations.keras.guard import guarded


class Pace:
    """How long a batch takes in the long run."""

    def __init__(self) -> None:
        self._fastest = float("inf")
        self._began = self._second = 0.0
        self._batches = 0

    def begin(self) -> None:
        """Begin a pass over data."""
        self._began, self._batches = time.perf_counter(), 0

    def batch(self) -> None:
        """Begin a batch."""
        self._batches += 1
        if self._batches == 2:
            self._second = time.perf_counter()

    def end(self) -> None:
        """End the pass; a longer one than one before says nothing new."""
        now = time.perf_counter()
        if self._batches > 1:
            self._fastest = min(self._fastest, (now - self._second) / (self._batches - 1))
        elif self._batches:
            self._fastest = min(self._fastest, now - self._began)

    def seconds_per_row(self, rows: int | None) -> float | None:
        """Return the time of a row where a pass has so many; None where nobody knows."""
        return self._fastest * self._batches / rows if rows and self._batches else None


class Stopwatch(keras.callbacks.Callback):  # type: ignore[misc]
    """Takes the time of each epoch; first in the list, so that the work of the user's callbacks does not count.

    Attributes:
        training: Seconds that the batches of the last epoch took, without validation.
        whole: Seconds that the last epoch took.
        pace: How long a batch takes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.training = self.whole = 0.0
        self.pace = Pace()
        self._started = 0.0
        self._trains = False

    @guarded
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start."""
        self._started = time.perf_counter()
        self._trains = True
        self.pace.begin()

    @guarded
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Count."""
        self.pace.batch()

    @guarded
    def on_test_begin(self, logs: Any = None) -> None:
        """Take the time at which validation begins."""
        if self._trains:
            self._trains = False
            self.training = time.perf_counter() - self._started
            self.pace.end()

    @guarded
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop."""
        self.on_test_begin()
        self.whole = time.perf_counter() - self._started
