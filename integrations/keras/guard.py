"""Callbacks of ours run in the middle of the program's training: whatever fails in one of their hooks stays there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from autotrack.shield import shielded


def guarded(hook: Callable[..., None]) -> Callable[..., None]:
    """Return a hook whose errors are contained, with a note on the callback's run where it has one."""

    @functools.wraps(hook)
    def autotrack_hook(self: Any, *args: Any, **kwargs: Any) -> None:
        run = self.__dict__.get("_run")
        with shielded(f"{hook.__name__} of Keras", run.note if run is not None else None):
            hook(self, *args, **kwargs)

    return autotrack_hook
