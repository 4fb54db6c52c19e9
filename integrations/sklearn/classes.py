"""Where the methods of an estimator are held."""

from __future__ import annotations

import types
from typing import Any


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
