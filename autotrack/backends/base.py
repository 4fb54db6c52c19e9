"""What a backend is: the place where runs go, and all that autotrack asks of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from autotrack.records import AnyRecord


class BackendContext(msgspec.Struct, frozen=True):
    """Where the files are that records speak of.

    Attributes:
        home: The directory of everything autotrack keeps, usually `.autotrack`.
        artifacts: The directory with the files of runs, at `<run_id>/<path>`.
    """

    home: Path
    artifacts: Path


class Backend(Protocol):
    """Where runs go.

    All calls come from one thread, in order. Records come in the order of their journal, those of several runs mixed.
    After an error `write` is called again with the same records, perhaps in another process after a crash, so writing
    a record twice must leave the same state as writing it once: `(record.writer, record.seq)` tells records apart.

    A backend may take seconds: it never runs on the thread that trains. It imports what it needs in its constructor,
    which takes the URL and a `BackendContext` and raises `StoreUnavailableError`, `MissingDependencyError` or
    `RetryableError` when it cannot be used.
    """

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Take records.

        Args:
            records: In order; never empty.

        Raises:
            RetryableError: Not now; offer the same records again later.
        """

    def flush(self) -> None:
        """Return when everything written is durable."""

    def close(self) -> None:
        """Let go of everything. Nothing is called afterwards; closing twice does no harm."""
