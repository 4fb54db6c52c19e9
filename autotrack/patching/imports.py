"""Call a function once a module has been imported, whoever imports it and whenever.

A hook that raises would break the user's `import`, so hooks are contained. `stop` takes the finder out of
`sys.meta_path`; the module a hook fired for shows no trace of it.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

from autotrack.patching.unseen import unseen_import
from autotrack.shield import shielded

Hook = Callable[[ModuleType], None]


class ImportWatcher(MetaPathFinder):
    """A finder that finds nothing itself: it lets the others find, and learns when the module is ready."""

    def __init__(self) -> None:
        self._hooks: dict[str, Hook] = {}
        self._half_built: list[str] = []
        self._searching = threading.local()

    def start(self) -> None:
        """Put the finder first in `sys.meta_path`."""
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Take the finder out again and forget all hooks."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        self._hooks.clear()
        self._half_built.clear()

    def watch(self, name: str, hook: Hook) -> None:
        """Call `hook` with the module `name` once it is imported: at once where it is already."""
        self._hooks[name] = hook
        module = sys.modules.get(name)
        if module is None:
            return
        if is_half_built(module):
            self._half_built.append(name)
        else:
            self._fire(module)

    def _fire(self, module: ModuleType) -> None:
        hook = self._hooks.pop(module.__name__, None)
        if hook is not None:
            with shielded(f"hooks of {module.__name__}"):
                hook(module)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders find, with a loader that tells us; None for all other modules."""
        if self._half_built:
            self._look_again()
        if fullname not in self._hooks or fullname in vars(self._searching):
            return None
        setattr(self._searching, fullname, True)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            delattr(self._searching, fullname)
        if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _telling(spec.loader, self._fire)
        return spec

    def _look_again(self) -> None:
        """Fire for modules that were half-built when they were asked for and are ready now."""
        for name in list(self._half_built):
            module = sys.modules.get(name)
            if module is not None and not is_half_built(module):
                self._half_built.remove(name)
                self._fire(module)


def is_half_built(module: ModuleType) -> bool:
    """Say whether a module in `sys.modules` is still running its own code."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _telling(loader: Any, tell: Hook) -> Loader:
    """Return a transparent proxy of a loader that calls `tell` with the finished module."""
    import wrapt

    class TellingLoader(wrapt.ObjectProxy):  # type: ignore[type-arg]
        @unseen_import
        def exec_module(self, module: ModuleType) -> None:
            original = self.__wrapped__
            module.__loader__ = original
            if module.__spec__ is not None:
                module.__spec__.loader = original
            original.exec_module(module)
            tell(module)

    return cast("Loader", TellingLoader(loader))
