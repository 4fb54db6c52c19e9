"""From an entry point and values to the command that the shell gets, and the parameters that the run gets."""

from __future__ import annotations

import re
import shlex
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from autotrack.projects.definition import EntryPoint, Parameter, ProjectError

_PLACEHOLDER = re.compile(r"\{(\w[\w.-]*)\}")
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_FETCHED = ("http", "https", "file")


class Places(msgspec.Struct, frozen=True):
    """Where relative paths start.

    Attributes:
        project: The project's folder: paths that it gives as defaults.
        caller: The caller's folder: paths given on the command line.
        downloads: Where files that are fetched go.
    """

    project: Path
    caller: Path
    downloads: Path


def build_command(entry: EntryPoint, given: Mapping[str, str], places: Places) -> tuple[str, dict[str, Any]]:
    """Put values into the command of an entry point, each quoted for the shell.

    Values that the entry point does not declare are appended as `--name value`, as MLflow does.

    Returns:
        The command, and all parameters with their values.

    Raises:
        ProjectError: A value is missing or is none of its type, or the command names a parameter that is not declared.
    """
    missing = [name for name, one in entry.parameters.items() if one.default is None and name not in given]
    if missing:
        wanted = " ".join(f"-P {name}=..." for name in missing)
        raise ProjectError(f"the entry point {entry.name!r} needs a value for {', '.join(missing)}: {wanted}")
    values = {
        name: _value(name, one, given[name], places, places.caller)
        if name in given
        else _value(name, one, str(one.default), places, places.project)
        for name, one in entry.parameters.items()
    }

    def fill(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise ProjectError(
                f"the command of entry point {entry.name!r} names {found[0]}, which is no parameter of it"
            )
        return shlex.quote(values[found[1]])

    command = _PLACEHOLDER.sub(fill, entry.command)
    extra = {name: text for name, text in given.items() if name not in entry.parameters}
    words = [f"--{name} {shlex.quote(text)}" for name, text in extra.items()]
    shown = {name: _typed(one, values[name]) for name, one in entry.parameters.items()}
    return " ".join([command, *words]), {**shown, **{name: _number_or_text(text) for name, text in extra.items()}}


def _value(name: str, parameter: Parameter, text: str, places: Places, base: Path) -> str:
    if parameter.type == "uri":
        return text if _URI.match(text) else _existing(name, base / text)
    if parameter.type != "path":
        return text
    if not _URI.match(text):
        return _existing(name, base / text)
    return _fetch(name, text, places.downloads)


def _existing(name: str, path: Path) -> str:
    if not path.exists():
        raise ProjectError(f"parameter {name!r}: there is no file or folder {path}")
    return str(path.resolve())


def _fetch(name: str, uri: str, downloads: Path) -> str:
    scheme, _, rest = uri.partition("://")
    if scheme.lower() not in _FETCHED:
        raise ProjectError(f"parameter {name!r}: {scheme}:// cannot be fetched; fetch it yourself and give a path")
    target = downloads / name / (Path(rest.split("?")[0]).name or "data")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        urllib.request.urlretrieve(uri, target)  # noqa: S310 - one of the schemes above, named by the user
    except OSError as error:
        raise ProjectError(f"parameter {name!r}: {uri} cannot be fetched: {error}") from error
    return str(target)


def _typed(parameter: Parameter, text: str) -> Any:
    return _number_or_text(text) if parameter.type == "float" else text


def _number_or_text(text: str) -> Any:
    """Return the number that a text is, for the run; the program gets the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
