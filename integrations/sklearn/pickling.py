"""Keep what we put on the user's classes out of pickles made by value.

A class that is defined in a script or a notebook cannot be imported elsewhere, so joblib's workers get its source: its
functions, ours among them. cloudpickle is told to write the user's own functions in their place, and the bytes are what
they are without tracking.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from autotrack.integration import Patcher

MODULES = (
    "cloudpickle.cloudpickle",
    "cloudpickle.cloudpickle_fast",  # before cloudpickle 3
    "joblib.externals.cloudpickle.cloudpickle",  # before joblib 1.6
    "joblib.externals.cloudpickle.cloudpickle_fast",
)
METHOD = "_dynamic_function_reduce"


def patch_cloudpickle(patcher: Patcher, module: ModuleType) -> None:
    """Let a copy of cloudpickle pass over our wrappers, if this module of it holds the pickler."""
    pickler = getattr(module, "CloudPickler", None)
    if pickler is None or METHOD not in vars(pickler) or pickler.__module__ != module.__name__:
        return

    def make(original: Any) -> Any:
        def autotrack_reduce(self: Any, func: Any) -> Any:
            return original(self, without_ours(func))

        return autotrack_reduce

    patcher.wrap(pickler, METHOD, make)


def without_ours(function: Any) -> Any:
    """Return the user's function below wrappers of ours, known by the module their code stands in."""
    while hasattr(function, "__wrapped__") and function.__globals__.get("__name__", "").startswith("autotrack."):
        function = function.__wrapped__
    return function
