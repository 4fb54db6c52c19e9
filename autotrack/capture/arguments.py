"""Arguments and parameters as plain values to log: functions and distributions by their names."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

PLAIN = (bool, int, float, str, type(None))
_FUNCTIONS = {"function", "builtin_function_or_method", "cython_function_or_method", "ufunc", "type", "ABCMeta"}


def plain(value: Any) -> Any:
    """Return a parameter's value so that its text says what it is: functions and distributions by their names."""
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
    return value


def _is_frozen_distribution(value: Any) -> bool:
    stats = sys.modules.get("scipy.stats._distn_infrastructure")
    return stats is not None and isinstance(value, stats.rv_frozen)
