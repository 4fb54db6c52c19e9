"""Take secrets out of what autotrack captures, before it is written anywhere.

Secrets are found by the name they are stored under (`secret_names.py`) and by their own shape (`secret_text.py`). Every
function says how many it redacted, so that a run can tell. Masking twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from autotrack.capture.secret_names import Sensitivity, is_secret_name, sensitivity
from autotrack.capture.secret_text import MASK, redact

__all__ = ["MASK", "Masked", "is_secret_name", "mask_arguments", "mask_mapping", "mask_text", "mask_url"]

_MAX_DEPTH = 32

T = TypeVar("T")


class Masked(msgspec.Struct, Generic[T], frozen=True):
    """A value without its secrets.

    Attributes:
        value: What is left.
        count: How many secrets were replaced by `MASK`.
    """

    value: T
    count: int


def mask_text(text: str) -> Masked[str]:
    """Mask secrets in free text: console output, tracebacks, diffs, messages.

    Args:
        text: Any text of any length.

    Returns:
        The text with each secret replaced, and their number.

    Example:
        >>> mask_text("connect to postgresql://me:pw@db/x with token=abc123")
        Masked(value='connect to postgresql://***@db/x with token=***', count=2)
    """
    return Masked(*redact(text))


def mask_url(url: str) -> Masked[str]:
    """Mask the user info and secret query values of one URL; `git@` of a repository stays.

    Example:
        >>> mask_url("https://me:pw@example.org/repo.git").value
        'https://***@example.org/repo.git'
    """
    return mask_text(url)


def mask_arguments(argv: Sequence[str]) -> Masked[list[str]]:
    """Mask secrets in a command line.

    `--api-key VALUE`, `--api-key=VALUE`, `API_KEY=VALUE` and `+db.password=VALUE` are recognised by their name, all
    other arguments by the shape of what they hold. One-letter options say nothing about their value and are left.

    Args:
        argv: The arguments, as in `sys.argv`.

    Returns:
        As many arguments as were given, and the number of secrets.

    Example:
        >>> mask_arguments(["train.py", "--api-key", "abc", "--lr=0.1"]).value
        ['train.py', '--api-key', '***', '--lr=0.1']
    """
    masked: list[str] = []
    count = 0
    value_is_secret = False
    for argument in argv:
        name, separator, value = argument.partition("=")
        if value_is_secret and not _is_option(argument):
            part = _mask_value(argument)
        elif separator and is_secret_name(name):
            inner = _mask_value(value)
            part = Masked(f"{name}={inner.value}", inner.count)
        else:
            part = mask_text(argument)
        value_is_secret = _is_option(argument) and not separator and is_secret_name(name)
        masked.append(part.value)
        count += part.count
    return Masked(masked, count)


def mask_mapping(mapping: Mapping[str, Any]) -> Masked[dict[str, Any]]:
    """Mask secrets in settings, parameters or environment variables, at any depth.

    Args:
        mapping: Names and values; nested mappings, lists and tuples are followed. It is not changed.

    Returns:
        A new dict with the same keys. Values that hold no secret are the same objects.

    Example:
        >>> mask_mapping({"db": {"user": "me", "password": "pw"}, "max_tokens": 5}).value
        {'db': {'user': 'me', 'password': '***'}, 'max_tokens': 5}
    """
    counter = _Counter()
    return Masked(_mask_items(mapping, counter, _MAX_DEPTH), counter.count)


class _Counter:
    """Adds up what nested calls redacted."""

    def __init__(self) -> None:
        self.count = 0

    def keep(self, masked: Masked[T]) -> T:
        self.count += masked.count
        return masked.value


def _is_option(argument: str) -> bool:
    return argument.startswith("-") and len(argument) > 1


def _mask_value(value: str) -> Masked[str]:
    return Masked(value, 0) if value in {"", MASK} else Masked(MASK, 1)


def _mask_items(mapping: Mapping[Any, Any], counter: _Counter, depth: int) -> dict[Any, Any]:
    return {
        name: _mask_named(name, value, counter, depth) if isinstance(name, str) else _mask_any(value, counter, depth)
        for name, value in mapping.items()
    }


def _mask_named(name: str, value: Any, counter: _Counter, depth: int) -> Any:
    degree = sensitivity(name)
    if degree is Sensitivity.CERTAIN and value is not None and not isinstance(value, bool):
        return counter.keep(_mask_value(value) if isinstance(value, str) else Masked(MASK, 1))
    if degree is Sensitivity.AMBIGUOUS and isinstance(value, (str, bytes)):
        return counter.keep(_mask_value(value) if isinstance(value, str) else Masked(MASK, 1))
    return _mask_any(value, counter, depth)


def _mask_any(value: Any, counter: _Counter, depth: int) -> Any:
    if isinstance(value, str):
        masked = mask_text(value)
        return counter.keep(masked) if masked.count else value
    if not isinstance(value, (dict, list, tuple)):
        return value
    if depth == 0:  # as deep as this only a cycle goes; what was not looked at is not let through
        return counter.keep(Masked(MASK, 1))
    if isinstance(value, dict):
        return _mask_items(value, counter, depth - 1)
    items = [_mask_any(item, counter, depth - 1) for item in value]
    return items if isinstance(value, list) else tuple(items)
