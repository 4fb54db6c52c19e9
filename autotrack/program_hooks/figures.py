"""Keep the figures that a program saves or shows as files of its run.

A file that was saved is copied. Of a figure that is shown the content is taken, and another process draws it; a
notebook has drawn it already. Nothing of ours is on the stack while a library draws: what it warns of, it says of the
line that called it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from autotrack.active import active_run
from autotrack.context import latest_root
from autotrack.integration import Integration, Patcher
from autotrack.program_hooks.shown import keep_drawn, keep_matplotlib, keep_plotly
from autotrack.run import Run
from autotrack.shield import shielded

MAX_FIGURE = 20_000_000
"""Bytes of the largest figure that is kept."""


def run_of_figures() -> Run | None:
    """Return the active run, or else the last one: figures are drawn after the training."""
    return active_run() or latest_root()


class MatplotlibHook(Integration):
    """Watch `Figure.savefig`, which `pyplot.savefig` calls, too."""

    name = "matplotlib.figure"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap the method."""
        patcher.wrap(module.Figure, "savefig", lambda original: _keeping_file(original, patcher))


class PyplotHook(Integration):
    """Watch `pyplot.show` from inside, where it looks for the backend that shows."""

    name = "matplotlib.pyplot"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap the function that finds the backend."""
        show, pause = module.show.__code__, module.pause.__code__

        def make(original: Callable[[], Any]) -> Callable[[], Any]:
            def autotrack_backend() -> Any:
                caller = sys._getframe(1)  # noqa: SLF001 - the one way to a caller
                outer = caller.f_back
                if patcher.live and caller.f_code is show and (outer is None or outer.f_code is not pause):
                    with shielded("a figure that is shown"):
                        _keep_open_figures(module)
                return original()

            return autotrack_backend

        patcher.wrap(module, "_get_backend_mod", make)


def _keep_open_figures(pyplot: ModuleType) -> None:
    if "inline" in pyplot.get_backend():  # the notebook draws them, and `NotebookHook` takes that
        return
    run = run_of_figures()
    managers = pyplot._pylab_helpers.Gcf.get_all_fig_managers()  # noqa: SLF001 - asking in public makes one the current
    if run is not None and managers:
        keep_matplotlib(run, [manager.canvas.figure for manager in managers], MAX_FIGURE)


class NotebookHook(Integration):
    """Watch what a notebook displays: figures of matplotlib, as they were drawn."""

    name = "IPython.core.displaypub"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap the method that publishes, here and where a kernel has its own."""
        patcher.wrap(module.DisplayPublisher, "publish", lambda original: _keeping_display(original, patcher))
        kernel = sys.modules.get("ipykernel.zmqshell")
        if kernel is not None:
            patcher.wrap(kernel.ZMQDisplayPublisher, "publish", lambda original: _keeping_display(original, patcher))


def _keeping_display(original: Callable[..., Any], patcher: Patcher) -> Callable[..., Any]:
    def publish(self: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, data, *args, **kwargs)
        if patcher.live:
            with shielded("a figure that a notebook displays"):
                _keep_display(data)
        return result

    return publish


def _keep_display(data: Any) -> None:
    picture = data.get("image/png")
    run = run_of_figures() if picture is not None else None
    if run is not None and str(data.get("text/plain", "")).startswith("<Figure"):
        keep_drawn(run, picture)


class PlotlyHook(Integration):
    """Watch the methods of plotly's figures that write files, and the one that shows."""

    name = "plotly.basedatatypes"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap the methods."""
        for name in ("write_html", "write_image", "write_json"):
            patcher.wrap(module.BaseFigure, name, lambda original: _keeping_file(original, patcher))
        patcher.wrap(module.BaseFigure, "show", lambda original: _keeping_shown(original, patcher))


def _keeping_shown(original: Callable[..., Any], patcher: Patcher) -> Callable[..., Any]:
    def show(self: Any, *args: Any, **kwargs: Any) -> Any:
        if patcher.live:
            with shielded("a figure that is shown"):
                run = run_of_figures()
                if run is not None:
                    keep_plotly(run, self, MAX_FIGURE)
        return original(self, *args, **kwargs)

    return show


def _keeping_file(original: Callable[..., Any], patcher: Patcher) -> Callable[..., Any]:
    def save(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        target = args[0] if args else kwargs.get("fname", kwargs.get("file"))
        if patcher.live and isinstance(target, (str, os.PathLike)):
            with shielded("a saved figure"):
                _keep_file(Path(target))
        return result

    return save


def _keep_file(path: Path) -> None:
    run = run_of_figures()
    if run is None:
        return
    path = path.absolute()

    def copy() -> None:
        if path.is_file() and path.stat().st_size <= MAX_FIGURE:
            run.log_artifact(path, "figures")

    run.defer("copying a figure", copy)
