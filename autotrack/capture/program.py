"""What this process was told from outside: arguments that a parser has read, and seeds that were set.

Hooks remember it here, and every root run gets it as params: at its start what is known by then, and while it is open
what comes later. Values are plain copies with secrets masked; the program's own objects are not kept.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from autotrack.capture.arguments import plain
from autotrack.recording import open_recorder


class Option(msgspec.Struct, frozen=True):
    """How an argument is written on the command line.

    Attributes:
        name: With its dashes, such as "--learning-rate"; a bare name where it is written `name=value`; "" for an
            argument that is known by its place.
        flag: It stands alone, without a value.
    """

    name: str
    flag: bool = False


_params: dict[str, Any] = {}
_options: dict[str, Option] = {}


def is_command_line(arguments: object) -> bool:
    """Say whether a parser was given the command line of this process, and not a list of somebody's own."""
    return arguments is None or (type(arguments) in {list, tuple} and list(arguments) == sys.argv[1:])  # type: ignore[call-overload]


def remember(
    values: Mapping[str, Any], options: Mapping[str, Option] | None = None, hidden: frozenset[str] = frozenset()
) -> None:
    """Keep values for the runs of this process.

    Args:
        values: By name.
        options: How they are written on the command line, by name.
        hidden: Names whose values are secrets.
    """
    from autotrack.capture.secrets import MASK, mask_mapping  # its expressions take milliseconds to compile

    found = {str(name): MASK if name in hidden else _readable(value) for name, value in values.items()}
    found = mask_mapping(found).value
    _params.update(found)
    _options.update(options or {})
    recorder = open_recorder()
    for run in list(recorder.runs.values()) if recorder is not None else []:
        if run.parent_id is None and run.status is None and run.pid == os.getpid():
            run.log_params(found)


def known_params() -> dict[str, Any]:
    """Return what is known so far, as params of a run that begins."""
    return dict(_params)


def known_options() -> dict[str, Option]:
    """Return how the arguments of this program are written on its command line."""
    return dict(_options)


def forget() -> None:
    """Forget all of it; called when tracking is switched off."""
    _params.clear()
    _options.clear()


def _readable(value: Any) -> Any:
    value = plain(value)
    if isinstance(value, dict):
        return {str(name): _readable(item) for name, item in value.items()}
    return os.fspath(value) if isinstance(value, os.PathLike) else value
