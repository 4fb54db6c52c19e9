"""Keep a fork from falling into a SQLite transaction of this process.

SQLite notes in memory, per file, which locks its process holds, and guards that with mutexes. A child inherits both as
they stand, though not the locks: forked in the middle of a transaction of another thread, it would find the file
locked, or wait for a mutex, for ever. So a fork waits for the end of what is under way, which takes milliseconds as a
rule, and what would begin waits for the end of the fork. Nobody waits for those who only read.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

PATIENCE = 2.0
"""Seconds that a fork waits at most: a large batch may take longer, and the program comes first."""

_free = threading.Condition()
_transactions = 0
_forking = False


@contextmanager
def no_fork() -> Iterator[None]:
    """Have forks wait, up to `PATIENCE`, while the block runs."""
    global _transactions  # noqa: PLW0603 - the state of the process
    with _free:
        _free.wait_for(lambda: not _forking, PATIENCE)
        _transactions += 1
    try:
        yield
    finally:
        with _free:
            _transactions -= 1
            _free.notify_all()


def no_fork_in(engine: Engine) -> AbstractContextManager[None]:
    """Have forks wait while the block writes, if the database is a file of this process; others have servers."""
    return no_fork() if engine.dialect.name == "sqlite" else nullcontext()


def _before_fork() -> None:
    global _forking  # noqa: PLW0603 - see above
    with _free:
        _forking = True
        _free.wait_for(lambda: _transactions == 0, PATIENCE)


def _after_fork_in_parent() -> None:
    global _forking  # noqa: PLW0603 - see above
    with _free:
        _forking = False
        _free.notify_all()


def _after_fork_in_child() -> None:
    global _free, _forking, _transactions
    _free, _forking, _transactions = threading.Condition(), False, 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
