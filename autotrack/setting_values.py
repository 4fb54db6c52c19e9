"""How the value of one setting may be written, and how it is named in words; `settings` says which settings there are.

Every function takes the setting's annotation, `Annotated[type, Meta(...)]`: the one place that says what is allowed.
"""

from __future__ import annotations

import os
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


TARGET_WORDS = {"mlflow": "MLFLOW_TRACKING_URI"}
"""Targets that stand for an address in the environment: the word, and the variable that other tools read it from."""


def expand_target(target: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the address that a word stands for, and any other target as it is.

    Raises:
        ValueError: The variable is not set, or names no server.
    """
    variable = TARGET_WORDS.get(target)
    if variable is None:
        return target
    address = environ.get(variable, "").strip()
    if not address.startswith(("http://", "https://")):
        found = "is not set" if not address else f"names no server: {address.partition(':')[0]}:…"
        raise ValueError(f"{target!r} stands for the address in {variable}, which {found}; write http://host:port")
    return address


def split_variable(text: str, annotation: Any) -> object:
    """Take apart what an environment variable holds: `a,b` for several values, `a=1,b=2` for a table."""
    kind = _kind(annotation)
    if kind not in (tuple, dict):
        return text.strip()
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if kind is tuple or not all("=" in part for part in parts):
        return parts
    return dict(part.split("=", 1) for part in parts)


def convert(value: object, annotation: Any) -> Any:
    """Turn any allowed spelling of a value into the value.

    Raises:
        ValueError: The value is not allowed. The message says what is, and what was probably meant.
    """
    try:
        return msgspec.convert(_normalize(value, _kind(annotation)), annotation)
    except ValueError:  # msgspec's ValidationError is one too
        known = _choices(annotation)
        unknown = [str(item) for item in (value if isinstance(value, list | tuple) else [value]) if item not in known]
        raise ValueError(f"expected {describe(annotation)}{suggest(unknown[0], known) if unknown else ''}") from None


def describe(annotation: Any) -> str:
    """Say in words what values are allowed."""
    choices = ", ".join(_choices(annotation))
    kind = _kind(annotation)
    if choices:
        return f"any of {choices}" if kind is tuple else f"one of {choices}"
    if kind in (int, float):
        return ("a whole number" if kind is int else "a number") + _bound(annotation)
    return {bool: "true/false, yes/no, on/off or 1/0", tuple: "a list of texts", dict: "a table of texts"}.get(
        kind, "text"
    )


def suggest(word: str, known: Iterable[str]) -> str:
    """Ask whether the known word nearest to `word` was meant; empty where none is near."""
    import difflib  # only a mistake pays for it

    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _normalize(value: object, kind: object) -> object:
    """Bring the spellings allowed for one kind of value to the one that msgspec accepts."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if kind is bool:
        return _BOOLEANS.get(str(value).lower(), value)
    if kind is tuple and isinstance(value, str):
        return (value,)
    if kind is tuple and isinstance(value, Iterable):
        return tuple(os.fspath(item) if isinstance(item, os.PathLike) else item for item in value)
    if kind is dict and isinstance(value, Mapping):
        return {key: str(item) for key, item in value.items()}
    if kind in (int, float) and isinstance(value, str):
        return int(value) if kind is int else float(value)
    return value


def _kind(annotation: Any) -> Any:
    """Tell what holds the value: bool, int, float, str, tuple, dict, Literal or a union."""
    return typing.get_origin(annotation.__origin__) or annotation.__origin__


def _choices(annotation: Any) -> tuple[str, ...]:
    """List the words that the value or its items may be; empty where any will do."""
    base = annotation.__origin__
    item = typing.get_args(base)[0] if typing.get_origin(base) is tuple else base
    return typing.get_args(item) if typing.get_origin(item) is Literal else ()


def _bound(annotation: Any) -> str:
    for meta in annotation.__metadata__:
        if meta.ge is not None:
            return f", {meta.ge} or more"
        if meta.gt is not None:
            return f" above {meta.gt}"
    return ""
