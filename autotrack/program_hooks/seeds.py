"""Learn the seeds that a program gives to `random` and to numpy's global generator, which do not tell them later.

The replaced functions keep module and name, so that a pickle of one still finds it, here and in processes without us.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from autotrack.capture.program import remember
from autotrack.integration import Integration, Patcher
from autotrack.shield import shielded

MAX_CHANGES = 16
"""Programs that seed anew for every sample are not followed further."""


class _SeedHook(Integration):
    requires = ""
    key = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap the module's `seed`."""
        changes: list[Any] = []

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def seed(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                value = args[0] if args else next(iter(kwargs.values()), None)
                if patcher.live and len(changes) < MAX_CHANGES and type(value) in {int, str}:
                    with shielded("a seed"):
                        changes.append(value)
                        remember({self.key: value})
                return result

            return seed

        patcher.wrap(module, "seed", make)
        module.seed.__module__, module.seed.__qualname__ = module.__name__, "seed"


class RandomHook(_SeedHook):
    """Watch `random.seed`."""

    name = "random"
    key = "seed.python"


class NumpyHook(_SeedHook):
    """Watch `numpy.random.seed`."""

    name = "numpy.random"
    key = "seed.numpy"
