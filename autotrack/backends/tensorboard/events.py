"""Event files: a time, a step and values, one record after the other."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, TypeAlias

from tensorboard.compat.proto.event_pb2 import Event as _Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

Event: TypeAlias = Any
"""TensorBoard's proto; it ships no types."""
Value: TypeAlias = Any
"""Likewise: one `Summary.Value`."""


def event(nanoseconds: int, step: int, *values: Value) -> Event:
    """Return an event.

    Args:
        nanoseconds: Since the epoch.
        step: Of all values.
        values: At least one.
    """
    return _Event(wall_time=nanoseconds / 1e9, step=step, summary=Summary(value=values))


def version(seconds: float) -> Event:
    """Return the event that every file begins with."""
    return _Event(wall_time=seconds, file_version="brain.Event:2")


def framed(events: Iterable[Event]) -> bytes:
    """Return events as a file holds them: each with its length and checksums."""
    stream = io.BytesIO()
    writer = RecordWriter(stream)
    for one in events:
        writer.write(one.SerializeToString())
    return stream.getvalue()
