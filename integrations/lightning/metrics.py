"""Metrics on their way from tensors to numbers, without one wait for a device in each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotrack.run import Run

HELD = 64
"""How many rows wait on a device, at most, until they are fetched together."""


class MetricRows:
    """Logs rows of metrics in order; values on a device wait until one transfer is worth its while.

    A row whose tensors lie in main memory is logged at once, unless others wait before it.

    Args:
        run: Where to.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._held: list[tuple[dict[str, Any], int]] = []

    def log(self, metrics: Mapping[str, Any], step: int) -> None:
        """Take a row; Lightning makes new tensors for each, so they can be kept."""
        if not self._held and not any(on_device(value) for value in metrics.values()):
            self.run.log_metrics(metrics, step)
            return
        self._held.append((dict(metrics), step))
        if len(self._held) >= HELD:
            self.flush()

    def flush(self) -> None:
        """Log what waits."""
        held, self._held = self._held, []
        for metrics, step in held:
            self.run.log_metrics(metrics, step)


def on_device(value: Any) -> bool:
    """Say whether reading a value waits for a device."""
    device = getattr(value, "device", None)
    return device is not None and getattr(device, "type", "cpu") != "cpu"
