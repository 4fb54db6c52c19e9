"""Keep our own errors away from the user's program, and never in silence.

In production an error of ours is logged once per place and becomes a note on the run. Under `AUTOTRACK_TESTING=1` it is
raised, so that no test passes over a bug. `KeyboardInterrupt` and `SystemExit` are never ours and always go through.
"""

from __future__ import annotations

import logging
import os
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

logger = logging.getLogger("autotrack")


class Contained(NamedTuple):
    """An error of ours that the user's program did not see."""

    what: str
    summary: str
    text: str


_seen: set[tuple[str, str]] = set()
_recent: list[Contained] = []
_lock = threading.Lock()
MAX_RECENT = 50


_strict = False


def be_strict(*, strict: bool) -> None:
    """Raise errors of ours from now on instead of containing them, or stop doing so."""
    global _strict
    _strict = strict


def errors_are_fatal() -> bool:
    """Say whether errors of ours are raised: the setting `strict`, or `AUTOTRACK_TESTING=1`."""
    return _strict or os.environ.get("AUTOTRACK_TESTING", "") not in {"", "0"}


def contain(error: Exception, what: str, note: Callable[[str, str], None] | None = None) -> None:
    """Take note of an error of ours.

    Args:
        error: What was raised.
        what: What we were doing, as in "observing sklearn.fit".
        note: Called with a code and a message to put a note on the run.

    Raises:
        Exception: `error` itself, under `AUTOTRACK_TESTING=1`.
    """
    if errors_are_fatal():
        raise error
    summary = f"{type(error).__name__}: {error}"
    text = "".join(traceback.format_exception(error))
    place = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
    key = (what, f"{type(error).__name__} {place.filename}:{place.lineno}" if place else summary)
    with _lock:
        first = key not in _seen
        _seen.add(key)
        _recent.append(Contained(what, summary, text))
        del _recent[:-MAX_RECENT]
    if first:
        logger.warning("autotrack skipped %s (%s); training is not affected", what, summary)
        logger.debug("%s", text)
    if note is not None:
        note("internal.error", f"{what}: {summary}")


class shielded:  # noqa: N801 - reads as the verb it is: `with shielded("...")`
    """Contain errors raised in a block; see `contain`. Entering it does nothing, so nothing can go wrong there.

    Args:
        what: What the block does, as in "observing sklearn.fit".
        note: Called with a code and a message to put a note on the run.
    """

    __slots__ = ("_note", "_what")

    def __init__(self, what: str, note: Callable[[str, str], None] | None = None) -> None:
        self._what = what
        self._note = note

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Contain an error; let interrupts and exits through."""
        if not isinstance(error, Exception):
            return False
        contain(error, self._what, self._note)
        return True


def recent_errors() -> list[Contained]:
    """Return the last errors of ours, for `autotrack doctor`."""
    with _lock:
        return list(_recent)
