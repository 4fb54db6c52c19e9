"""Find every estimator class there is and will be, without importing any: the user's and third-party ones too.

The classes that exist are found from `BaseEstimator` downward, with the mixins that give them methods; those defined
later announce themselves through `__init_subclass__`.
"""

from __future__ import annotations

import functools
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from sklearn.base import BaseEstimator

from autotrack.integration import Patcher
from autotrack.shield import shielded

PatchClass = Callable[[Patcher, type], None]

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: classes made in C have no attributes to set


def for_each_class(patcher: Patcher, *patches: PatchClass) -> None:
    """Call each of `patches` once for every class that gives methods to an estimator: at once, or when it is defined.

    Args:
        patcher: Undoes it all.
        patches: Functions that take the patcher and one class, and patch what that class itself defines.
    """
    known: weakref.WeakSet[type] = weakref.WeakSet()

    def visit(estimator_class: type) -> None:
        for owner in estimator_class.__mro__:
            if owner not in known and owner.__flags__ & _HEAP_TYPE:
                known.add(owner)
                for patch in patches:
                    patch(patcher, owner)

    for estimator_class in _subclasses(BaseEstimator):
        visit(estimator_class)
    _announce_new_classes(patcher, visit)


def _subclasses(root: type) -> Iterator[type]:
    """Yield each class below `root` once."""
    seen = {root}
    waiting = [root]
    while waiting:
        children: list[type] = waiting.pop().__subclasses__()
        for found in children:
            if found not in seen:
                seen.add(found)
                waiting.append(found)
                yield found


def _announce_new_classes(patcher: Patcher, visit: Callable[[type], None]) -> None:
    own = vars(BaseEstimator).get("__init_subclass__")
    original = BaseEstimator.__init_subclass__.__func__

    @functools.wraps(original)
    def autotrack_init_subclass(cls: type, /, *args: Any, **kwargs: Any) -> None:
        if own is None:
            super(BaseEstimator, cls).__init_subclass__(*args, **kwargs)
        else:
            original(cls, *args, **kwargs)
        if patcher.live:
            with shielded(f"patching {cls.__qualname__}"):
                visit(cls)

    patcher.replace(BaseEstimator, "__init_subclass__", classmethod(autotrack_init_subclass))


def definition(owner: type, name: str) -> tuple[Any, str] | None:
    """Return where the function behind a method is held, for a patcher: the class, or the descriptor in it.

    Methods under `available_if` are held by a descriptor that decides whether they exist; the function inside is what
    may be replaced, so that `hasattr` keeps its answer.

    Args:
        owner: The class.
        name: Of the method.

    Returns:
        The holder and the attribute, or None where the class itself defines no such function.
    """
    raw = vars(owner).get(name)
    if isinstance(raw, types.FunctionType):
        return owner, name
    if isinstance(getattr(raw, "fn", None), types.FunctionType) and hasattr(raw, "check"):
        return raw, "fn"
    return None
