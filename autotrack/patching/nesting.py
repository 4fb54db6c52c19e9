"""Which tracked call is under way where: only the outermost opens a run, whatever mix of frameworks it runs.

The call is held in a context variable, so threads and asyncio tasks never mix. A thread that a framework starts inside
a tracked call has an empty context; it is found through the thread that started it.
"""

from __future__ import annotations

import contextvars
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from autotrack.active import inherit, inherit_pause

if TYPE_CHECKING:
    from autotrack.patching.call import Call

_active: ContextVar[Call | None] = ContextVar("autotrack_call", default=None)
_started_by: weakref.WeakKeyDictionary[threading.Thread, Call] = weakref.WeakKeyDictionary()


entered_call = _active.get
"""The call that this context has entered last: part of `active_call`, without a frame, for what runs in every step."""


def active_call() -> Call | None:
    """Return the tracked call this code is a part of, or None."""
    call = _innermost()
    return call if call is not None and not call.is_host else None


def _innermost() -> Call | None:
    call = _active.get()
    if call is None and _started_by.data:  # type: ignore[attr-defined] # a dict: this runs in every step of a loop
        call = _started_by.get(threading.current_thread())
    return call if call is not None and call.under_way else None


def enter(call: Call) -> Token[Call | None]:
    """Make `call` the active one of this context."""
    return _active.set(call)


def leave(token: Token[Call | None]) -> None:
    """Undo `enter`."""
    try:
        _active.reset(token)
    except ValueError:  # left in another context than it was entered in: an async framework moved on
        _active.set(None)


def run_inside(call: Call, function: Callable[..., None], *args: Any) -> None:
    """Run a function as a part of `call`, in a copy of the context: whatever happens, there is nothing to undo."""

    def enter_and_run() -> None:
        _active.set(call)
        function(*args)

    contextvars.copy_context().run(enter_and_run)


def remember_starter(original: Any) -> Any:
    """Return a `threading.Thread.start` that remembers where it was called: a tracked call, its host, a pause."""

    def start(self: threading.Thread) -> None:
        inherit_pause(self)
        call = _innermost()
        if call is not None:
            _started_by[self] = call
            if call.is_host:
                inherit(self)
        original(self)

    return start
