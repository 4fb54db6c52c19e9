"""Replace functions of a library by ones that observe, and put every one of them back.

Replacements are plain functions made by `functools.wraps`: unlike proxies they pickle by name, so `est.fit` still
travels to joblib workers. A patch sits where the attribute is defined, never on a subclass that inherits it.
"""

from __future__ import annotations

import functools
import gc
import itertools
import sys
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

from autotrack.patching.call import signature
from autotrack.patching.observation import Arguments, Observer, begin
from autotrack.patching.unseen import unseen

_ABSENT = object()
_order = itertools.count()
"""In which order patches are made, over all patchers: several may replace the same attribute, one on the other."""


class UnsupportedLibraryError(Exception):
    """The library is not as the integration knows it; the integration stays off rather than guess."""


class Patcher:
    """Makes and undoes the patches of one integration.

    Args:
        source: Name of the integration.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.live = True
        self._patches: list[tuple[int, Any, str, Any, Any]] = []
        self._sought: list[tuple[Any, Any]] = []

    def __reduce__(self) -> Any:
        """Arrive in another process as one that patches nothing and observes nothing."""
        return _inert, (self.source,)

    def observe(
        self,
        owner: Any,
        name: str,
        observer: Observer,
        *,
        nested: bool = False,
        aliases: Sequence[Any] = (),
        everywhere: bool = False,
    ) -> None:
        """Observe a function.

        Args:
            owner: The class or module that defines it.
            name: Its name there.
            observer: A generator function that takes the `Call` and yields once.
            nested: Observe it inside other tracked calls too; by default only the outermost call is observed.
            aliases: Other modules that hold the same function under the same name.
            everywhere: Replace it under every name in every module that is loaded, for functions that programs import
                by name before tracking is enabled.

        Raises:
            UnsupportedLibraryError: `owner` does not define such a function.
        """
        raw = vars(owner).get(name, _ABSENT)
        function = raw.__func__ if isinstance(raw, (staticmethod, classmethod)) else raw
        if not callable(function):
            raise UnsupportedLibraryError(f"{owner.__name__}.{name} is no function")
        patched: Any = self.observed(function, observer, nested=nested)
        if isinstance(raw, (staticmethod, classmethod)):
            patched = type(raw)(patched)
        self.replace(owner, name, patched)
        for alias in aliases:
            if vars(alias).get(name) is raw:
                self.replace(alias, name, patched)
        if everywhere:
            self._sought.append((raw, patched))
            for module, alias_name in _holders(raw):
                self.replace(module, alias_name, patched)

    def observed(self, function: Callable[..., Any], observer: Observer, *, nested: bool) -> Callable[..., Any]:
        """Return a function that calls `function` with an observer beside it; for functions the user hands over."""

        @functools.wraps(function)
        @unseen
        def autotrack_observed(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            observation = begin(self, function, observer, Arguments(args, kwargs, nested))
            try:
                if observation is None:
                    return function(*args, **kwargs)
                result = function(*observation.call.args, **observation.call.kwargs)
            except BaseException as error:
                # This frame is none of the program's. (Python 3.10 shows it all the same; a variable would be a cycle.)
                error.__traceback__ = error.__traceback__.tb_next  # type: ignore[union-attr]
                if observation is not None:
                    observation.fail(error)
                raise
            observation.succeed(result)
            return result

        return autotrack_observed

    def wrap(self, owner: Any, name: str, make: Callable[[Any], Callable[..., Any]]) -> None:
        """Replace a function by what `make` returns for it; for hooks that are no observed calls.

        The replacement must call the original exactly once and contain its own errors; ask `live` before acting.
        """
        raw = vars(owner).get(name, _ABSENT)
        function = raw.__func__ if isinstance(raw, (staticmethod, classmethod)) else raw
        if not callable(function):
            raise UnsupportedLibraryError(f"{owner!r} has no function {name}")
        wrapped: Any = functools.wraps(function)(unseen(make(function)))
        if isinstance(raw, (staticmethod, classmethod)):
            wrapped = type(raw)(wrapped)
        self.replace(owner, name, wrapped)

    def replace(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute, to be put back (or removed, where it was inherited) by `undo`."""
        self._patches.append((next(_order), owner, name, vars(owner).get(name, _ABSENT), value))
        setattr(owner, name, value)

    def require(self, function: Callable[..., Any], *parameters: str) -> None:
        """Check that a function of the library still takes the parameters an observer reads.

        Raises:
            UnsupportedLibraryError: It does not.
        """
        missing = set(parameters) - set(signature(function).parameters)
        if missing:
            name = getattr(function, "__qualname__", repr(function))
            raise UnsupportedLibraryError(f"{name} takes no parameter {', '.join(sorted(missing))}")

    def undo(self) -> None:
        """Put every attribute back; where another tool wrapped ours, leave its wrapper and go transparent."""
        undo_all([self])

    def unreached(self) -> list[str]:
        """Return names of functions that something else than a module still holds: calls through it are not seen.

        That is a `functools.partial`, a list, a dict or an object made before tracking was enabled. Looking takes some
        ten milliseconds.
        """
        return [
            function.__qualname__
            for function, patched in self._sought
            if any(_is_foreign(holder, patched) for holder in gc.get_referrers(function))
        ]

    @property
    def patched(self) -> list[str]:
        """Names of what is patched, for `autotrack doctor`."""
        return [f"{getattr(owner, '__name__', owner)}.{name}" for _, owner, name, _, _ in self._patches]


def undo_all(patchers: Iterable[Patcher]) -> None:
    """Undo several patchers, the latest patch of them all first."""
    patches: list[tuple[int, Any, str, Any, Any]] = []
    for patcher in patchers:
        patcher.live = False
        patches += patcher._patches  # noqa: SLF001 - a part of the class that concerns several of it
        patcher._patches.clear()  # noqa: SLF001 - see above
        patcher._sought.clear()  # noqa: SLF001 - see above
    for _, owner, name, original, replacement in sorted(patches, key=lambda patch: patch[0], reverse=True):
        if vars(owner).get(name, _ABSENT) is not replacement:
            continue
        if original is _ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, original)


def _is_foreign(holder: Any, patched: Any) -> bool:
    """Say whether a holder of a function is a container of the program's; closures and caches are often our own."""
    if isinstance(holder, dict):
        module = sys.modules.get(str(holder.get("__name__")))
        return holder is not vars(patched) and (module is None or vars(module) is not holder)
    return isinstance(holder, (list, functools.partial))


def _holders(function: Any) -> list[tuple[ModuleType, str]]:
    """Return the modules that hold a function, each with its name there; a module that loads lazily stays unloaded."""
    found = []
    for module in list(sys.modules.values()):
        try:
            own = object.__getattribute__(module, "__dict__")
        except AttributeError:  # anything can stand in sys.modules
            continue
        found += [(module, name) for name, value in list(own.items()) if value is function]
    return found


def _inert(source: str) -> Patcher:
    patcher = Patcher(source)
    patcher.live = False
    return patcher
