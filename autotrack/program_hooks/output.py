"""Learn what a program prints.

The streams stay the objects they are: only their `write` is one that also remembers, as an attribute of the instance.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from autotrack.capture.console import console
from autotrack.integration import Integration, Patcher


class ConsoleHook(Integration):
    """Watch stdout and stderr; a stream that takes no attributes is left alone."""

    name = "sys"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Give both streams a `write` that remembers."""
        for stream in dict.fromkeys((module.stdout, module.stderr)):
            if hasattr(stream, "__dict__") and hasattr(stream, "write"):
                patcher.replace(stream, "write", _remembering(stream.write))


def _remembering(original: Callable[[str], int]) -> Callable[[str], int]:
    keep = console.keep

    def write(text: str, /) -> int:
        written = original(text)
        if type(text) is str:
            keep(text)
        return written

    return write
