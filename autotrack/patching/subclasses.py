"""Find every class below one there is and will be, without importing any: the user's and third-party ones too.

The classes that exist are found from the root downward, with the mixins that give them methods; those defined later
announce themselves through `__init_subclass__`.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from autotrack.patching.patcher import Patcher
from autotrack.patching.unseen import unseen
from autotrack.shield import shielded

PatchClass = Callable[[Patcher, type], None]

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: classes made in C have no attributes to set


def for_each_subclass(patcher: Patcher, root: type, *patches: PatchClass) -> None:
    """Call each of `patches` once for every class that gives methods to one below `root`: at once, or when defined.

    Args:
        patcher: Undoes it all.
        root: The class that all others derive from.
        patches: Functions that take the patcher and one class, and patch what that class itself defines.
    """
    known: weakref.WeakSet[type] = weakref.WeakSet()

    def visit(found: type) -> None:
        for owner in found.__mro__:
            if owner not in known and owner.__flags__ & _HEAP_TYPE:
                known.add(owner)
                for patch in patches:
                    patch(patcher, owner)

    for found in _subclasses(root):
        visit(found)
    _announce_new_classes(patcher, root, visit)


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


def _announce_new_classes(patcher: Patcher, root: Any, visit: Callable[[type], None]) -> None:
    own = vars(root).get("__init_subclass__")
    inherited = root.__init_subclass__
    original = getattr(inherited, "__func__", inherited)

    @functools.wraps(original)
    @unseen
    def autotrack_init_subclass(cls: type, /, *args: Any, **kwargs: Any) -> None:
        if own is None:
            super(root, cls).__init_subclass__(*args, **kwargs)
        else:
            original(cls, *args, **kwargs)
        if patcher.live:
            with shielded(f"patching {cls.__qualname__}"):
                visit(cls)

    patcher.replace(root, "__init_subclass__", classmethod(autotrack_init_subclass))
