"""Ask Spark for something beside a training: what it answers goes through Java, and may be any error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from autotrack.run import Run


@contextmanager
def reading(run: Run, what: str) -> Iterator[None]:
    """Note what could not be read, and go on.

    Args:
        run: The run that gets the note.
        what: What the block reads.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a stopped context, an error of Java's, a third-party stage: anything
        first_line = str(error).partition("\n")[0]
        run.note("spark.unreadable", f"{what}: {type(error).__name__}: {first_line}")


def is_remote(dataset: Any) -> bool:
    """Say whether a DataFrame lives behind Spark Connect, where each question is one to a server."""
    return ".connect." in type(dataset).__module__


def is_local(dataset: Any) -> bool:
    """Say whether Spark's executors are on this machine, and so write to the same disk as this process."""
    return not is_remote(dataset) and str(dataset.sparkSession.sparkContext.master).startswith("local")
