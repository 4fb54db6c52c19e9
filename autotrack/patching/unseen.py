"""Frames of ours between a program and a library, which the program must not notice.

`warnings.warn(…, stacklevel=2)` names the place that called the function it stands in, and Python shows each warning
once for each such place, deprecations only where that is the program itself. With a frame of ours between the two,
warnings would be blamed on autotrack, and most not shown at all. `warnings` passes over the frames of Python's own
import system, which it knows by the name of their file (`_is_internal_frame` in `Lib/warnings.py`,
`is_internal_filename` in `Python/_warnings.c`), and so it does over ours, which bear a name of that kind. Source lines
stay readable: `linecache` gets those of a file that does not exist from the loader of the module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Wrapper = TypeVar("Wrapper", bound=Callable[..., Any])

IMPORT_SYSTEM = "<frozen importlib._bootstrap_external>"
"""The file of Python's own loaders, whose frames are taken out of the traceback of an import that fails."""


def unseen(wrapper: Wrapper) -> Wrapper:
    """Let `warnings` pass over the frames of a function that calls the one it stands for; returns the function."""
    code = wrapper.__code__
    return _with_file(wrapper, f"{code.co_filename} (as importlib._bootstrap)")


def unseen_import(wrapper: Wrapper) -> Wrapper:
    """Let tracebacks of imports, too, pass over the frames of a method of a loader; returns the method."""
    return _with_file(wrapper, IMPORT_SYSTEM)


def _with_file(wrapper: Wrapper, name: str) -> Wrapper:
    wrapper.__code__ = wrapper.__code__.replace(co_filename=name)
    return wrapper
