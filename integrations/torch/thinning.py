"""Which steps of a long training become points of their own."""

from __future__ import annotations

from collections.abc import Iterator

EVERY_STEP = 1000
"""Steps whose losses are all recorded; from there on every 10th, from ten times as many every 100th, and so on."""


def recorded_steps(first: int, end: int, every: int) -> Iterator[int]:
    """Yield the steps whose losses become points of their own.

    Args:
        first: From this step on, counted from 0.
        end: The step after the last.
        every: The setting `log_every_n_steps`; 0 thins out long trainings by itself.
    """
    step = first
    while True:
        stride = every or 1
        while not every and step >= EVERY_STEP * stride:
            stride *= 10
        step = -(-step // stride) * stride
        if step >= end:
            return
        yield step
        step += 1


def is_recorded(step: int, every: int) -> bool:
    """Say whether a step's loss becomes a point of its own."""
    return next(recorded_steps(step, step + 1, every), None) is not None
