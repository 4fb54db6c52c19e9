"""The arguments of a run with some of them changed, written as the program's own parser reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autotrack.capture.entry import Entry
from autotrack.capture.program import Option
from autotrack.capture.secret_text import MASK
from autotrack.errors import ReproductionError

_TRUE = frozenset({"true", "yes", "on", "1"})


def new_arguments(entry: Entry, changes: Mapping[str, str]) -> list[str]:
    """Return the recorded arguments with `changes` in their place.

    Args:
        entry: What was started.
        changes: New values by name. A name is the parameter's (`learning_rate`) or the option's (`learning-rate`).

    Raises:
        ReproductionError: A secret was masked and has no new value, or a name is none of the program's.

    Example:
        >>> entry = Entry(kind="script", name="train.py", arguments=["--lr", "0.1"])
        >>> new_arguments(entry, {"lr": "0.2"})
        ['--lr', '0.2']
    """
    arguments = list(entry.arguments)
    for name, value in changes.items():
        arguments = _with(arguments, _option(entry, name), value)
    masked = [at for at, argument in enumerate(arguments) if MASK in argument]
    if masked:
        at = masked[0]
        shown = arguments[at] if "=" in arguments[at] or at == 0 else f"{arguments[at - 1]} {arguments[at]}"
        raise ReproductionError(f"the value of `{shown}` was a secret and was not recorded; give it with -P NAME=VALUE")
    return arguments


def _option(entry: Entry, name: str) -> Option:
    """Find how a name is written: by what the parser knew, else by what stands on the recorded command line."""
    wanted = _key(name)
    for known, option in entry.options.items():
        if wanted in {_key(known), _key(option.name)}:
            if not option.name:
                raise ReproductionError(f"{name!r} is known by its place, not by a name; it cannot be changed with -P")
            return option
    for argument in entry.arguments:
        written = argument.partition("=")[0]
        if _key(written) == wanted and (written.startswith("-") or "=" in argument):
            return Option(written)
    if entry.options:
        known_names = ", ".join(sorted(known for known, option in entry.options.items() if option.name))
        raise ReproductionError(f"the program has no argument {name!r}; it has {known_names}")
    return Option(f"--{name}")


def _key(name: str) -> str:
    return name.lstrip("-+~").replace("-", "_")


def _with(arguments: Sequence[str], option: Option, value: str) -> list[str]:
    rest = _without(arguments, option)
    if option.flag:
        return [*rest, option.name] if value.lower() in _TRUE else rest
    at = next((at for at, one in enumerate(arguments) if _is(one, option)), len(arguments))
    short = option.name.startswith("-") and not option.name.startswith("--")
    apart = short or (at < len(arguments) and arguments[at] == option.name)
    new = [option.name, value] if apart else [f"{option.name}={value}"]
    return [*rest[:at], *new, *rest[at:]]


def _without(arguments: Sequence[str], option: Option) -> list[str]:
    rest: list[str] = []
    skip = False
    for at, argument in enumerate(arguments):
        if skip:
            skip = False
        elif _is(argument, option):
            follows = at + 1 < len(arguments) and not arguments[at + 1].startswith("--")
            skip = "=" not in argument and not option.flag and follows
        else:
            rest.append(argument)
    return rest


def _is(argument: str, option: Option) -> bool:
    written, equals, _ = argument.partition("=")
    if not option.name.startswith("-"):
        return bool(equals) and _key(written) == _key(option.name)
    return written.startswith("-") and _key(written) == _key(option.name)
