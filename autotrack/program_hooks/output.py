"""Learn what a program prints, and which figures it saves.

The streams stay the objects they are: only their `write` is one that also remembers, as an attribute of the instance.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from autotrack.active import active_run
from autotrack.capture.console import console
from autotrack.context import latest_root
from autotrack.integration import Integration, Patcher
from autotrack.shield import shielded

MAX_FIGURE = 20_000_000
"""Bytes of the largest figure that is copied."""


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


class MatplotlibHook(Integration):
    """Watch `Figure.savefig`, which `pyplot.savefig` calls, too."""

    name = "matplotlib.figure"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap the method."""
        patcher.wrap(module.Figure, "savefig", lambda original: _keeping_file(original, patcher))


class PlotlyHook(Integration):
    """Watch the methods of plotly's figures that write files."""

    name = "plotly.basedatatypes"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap the methods."""
        for name in ("write_html", "write_image", "write_json"):
            patcher.wrap(module.BaseFigure, name, lambda original: _keeping_file(original, patcher))


def _keeping_file(original: Callable[..., Any], patcher: Patcher) -> Callable[..., Any]:
    def save(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        target = args[0] if args else kwargs.get("fname", kwargs.get("file"))
        if patcher.live and isinstance(target, (str, os.PathLike)):
            with shielded("a saved figure"):
                _keep(Path(target))
        return result

    return save


def _keep(path: Path) -> None:
    """Copy a figure into the active run, or else the last one: figures are drawn after the training."""
    run = active_run() or latest_root()
    if run is None:
        return
    path = path.absolute()

    def copy() -> None:
        if path.is_file() and path.stat().st_size <= MAX_FIGURE:
            run.log_artifact(path, "figures")

    run.defer("copying a figure", copy)
