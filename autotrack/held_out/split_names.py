"""What the user calls the data a model is evaluated on: the names of the variables that hold the true values.

Names are found by identity in the frames of the program that called the metric, frames of libraries apart. The
innermost name that says something counts: a helper may call it `y_true`, and its caller `y_val`.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

TEST = "test"
VALIDATION = "validation"
TRAINING = "training"

LIBRARIES = frozenset(
    {
        "autotrack",
        "catboost",
        "imblearn",
        "joblib",
        "keras",
        "lightgbm",
        "pyspark",
        "sklearn",
        "tensorflow",
        "threading",
        "xgboost",
    }
)
MAX_FRAMES = 12
MAX_ENTRIES = 100

_FRAME_VARIABLE_AND_ARGUMENT = 3

_WORDS = {
    VALIDATION: re.compile(r"(^|[^a-z])y?(val|valid|validation|dev)([^a-z]|y?$)"),
    TRAINING: re.compile(r"(^|[^a-z])y?(tr|train|training)([^a-z]|y?$)"),
    TEST: re.compile(r"(^|[^a-z])y?(te|test|testing|holdout|heldout)([^a-z]|y?$)"),
}


def split_by_name(*arrays: Any) -> str | None:
    """Return the split that the user's names for these arrays speak of, or None."""
    for frame in user_frames():
        for array in arrays:
            for name in names_of(array, frame):
                split = meaning(name)
                if split is not None:
                    return split
    return None


def meaning(name: str) -> str | None:
    """Return the split a name speaks of.

    Example:
        >>> meaning("y_val"), meaning("data['yTest']"), meaning("value")
        ('validation', 'test', None)
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return next((split for split, pattern in _WORDS.items() if pattern.search(words)), None)


def name_of(array: Any) -> str | None:
    """Return the innermost name that the user has for an array."""
    return next((name for frame in user_frames() for name in names_of(array, frame)), None)


def user_frames() -> Iterator[FrameType]:
    """Yield the frames of the user's program, the innermost first."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the one way to a caller's frame
    found = 0
    while frame is not None and found < MAX_FRAMES:
        if not is_library(frame):
            found += 1
            yield frame
        frame = frame.f_back


def is_library(frame: FrameType) -> bool:
    """Say whether a frame runs code of a library that stands between the user and a metric."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in LIBRARIES


def names_of(array: Any, frame: FrameType) -> Iterator[str]:
    """Yield the names of an array in a frame: of variables, and of entries and attributes of what variables hold."""
    own = variables(frame)
    for space in [own] if own is frame.f_globals else [own, frame.f_globals]:
        for name, value in list(space.items()):
            if value is array and not name.startswith("_"):
                yield name
    for name, value in list(own.items()):
        yield from (f"{name}{inner}" for inner in _inner_names(array, value))


def variables(frame: FrameType) -> Mapping[str, Any]:
    """Return the local variables of a frame, without keeping them alive in it.

    Before Python 3.13 a function's frame keeps the dict that `f_locals` fills, and with it what the user deletes later.
    So it is emptied again, unless someone else, a debugger or the user through `locals()`, has it too.
    """
    if sys.version_info >= (3, 13) or not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return frame.f_locals
    filled = frame.f_locals
    found = dict(filled)
    if sys.getrefcount(filled) <= _FRAME_VARIABLE_AND_ARGUMENT:
        filled.clear()
    return found


def _inner_names(array: Any, value: Any) -> Iterator[str]:
    if type(value) is dict:
        if len(value) <= MAX_ENTRIES:
            yield from (f"[{key!r}]" for key, item in list(value.items()) if _holds(item, array))
        return
    try:
        attributes = object.__getattribute__(value, "__dict__")  # runs no code of the user's class
    except AttributeError:
        return
    if type(attributes) is dict and len(attributes) <= MAX_ENTRIES:
        yield from (f".{key}" for key, item in list(attributes.items()) if item is array)


def _holds(item: Any, array: Any) -> bool:
    return item is array or (type(item) is tuple and any(part is array for part in item))
