"""autotrack: one line, and every training run in a Python process is recorded.

Example:
    >>> import autotrack
    >>> autotrack.enable()
    >>> autotrack.disable()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autotrack._version import __version__

if TYPE_CHECKING:
    from autotrack import models
    from autotrack.api import (
        active_run,
        end_run,
        evaluate,
        flush,
        log_artifact,
        log_artifacts,
        log_dataset,
        log_dict,
        log_figure,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        log_table,
        log_text,
        paused,
        set_tag,
        set_tags,
        start_run,
    )
    from autotrack.errors import AutotrackError
    from autotrack.models.validation import validate
    from autotrack.past_runs import delete_run, get_run, restore_run, search_runs
    from autotrack.run import Run
    from autotrack.server.notebook import show
    from autotrack.switch import disable, enable, is_enabled

__all__ = [
    "AutotrackError",
    "Run",
    "__version__",
    "active_run",
    "delete_run",
    "disable",
    "enable",
    "end_run",
    "evaluate",
    "flush",
    "get_run",
    "is_enabled",
    "log_artifact",
    "log_artifacts",
    "log_dataset",
    "log_dict",
    "log_figure",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "models",
    "paused",
    "restore_run",
    "search_runs",
    "set_tag",
    "set_tags",
    "show",
    "start_run",
    "validate",
]

_ELSEWHERE = {
    "AutotrackError": "autotrack.errors",
    "Run": "autotrack.run",
    "delete_run": "autotrack.past_runs",
    "disable": "autotrack.switch",
    "enable": "autotrack.switch",
    "get_run": "autotrack.past_runs",
    "is_enabled": "autotrack.switch",
    "restore_run": "autotrack.past_runs",
    "search_runs": "autotrack.past_runs",
    "show": "autotrack.server.notebook",
    "validate": "autotrack.models.validation",
}


def __getattr__(name: str) -> Any:
    """Load public names on first use, so that `import autotrack` costs nothing."""
    from importlib import import_module

    if name == "models":
        return import_module("autotrack.models")
    if name in __all__:
        value = getattr(import_module(_ELSEWHERE.get(name, "autotrack.api")), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'autotrack' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List public names only."""
    return sorted(__all__)


def load_ipython_extension(_shell: object) -> None:
    """Let `%load_ext autotrack` stand for `autotrack.enable()`."""
    from autotrack.switch import enable

    enable()


def unload_ipython_extension(_shell: object) -> None:
    """Let `%unload_ext autotrack` stand for `autotrack.disable()`."""
    from autotrack.switch import disable

    disable()
