"""Arguments and parameters as plain values to log: functions and distributions by their names."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

PLAIN = (bool, int, float, str, type(None))
_FUNCTIONS = {"function", "builtin_function_or_method", "cython_function_or_method", "ufunc", "type", "ABCMeta"}


def plain(value: Any) -> Any:
    """Return a parameter's value so that its text says what it is: functions, distributions, mere objects by name."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if type(value).__name__ in _FUNCTIONS:
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', value)}".lstrip(".")
    if _is_frozen_distribution(value):
        arguments = [repr(item) for item in value.args] + [f"{name}={item!r}" for name, item in value.kwds.items()]
        return f"{value.dist.name}({', '.join(arguments)})"
    if _says_nothing(value):
        return f"{type(value).__module__}.{type(value).__qualname__}"
    return value


def _says_nothing(value: Any) -> bool:
    """Say whether the text of an object would tell no more than its class, and where in memory it lies."""
    text: object = type(value).__repr__
    return text is object.__repr__


def _is_frozen_distribution(value: Any) -> bool:
    stats = sys.modules.get("scipy.stats._distn_infrastructure")
    return stats is not None and isinstance(value, stats.rv_frozen)
