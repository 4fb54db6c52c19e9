"""Read what a project says about itself, from the first of its files that does: MLproject, then pyproject.toml."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotrack.projects.definition import EntryPoint, Packages, Parameter, Project, ProjectError
from autotrack.projects.mlproject import find_mlproject, read_mlproject
from autotrack.projects.script_header import read_header

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPROJECT = "pyproject.toml"
ENTRY_POINTS = "entry-points"


def read_project(directory: Path) -> Project:
    """Read the project in a folder. Without any file that describes it, its scripts are its entry points.

    Raises:
        ProjectError: There is no such folder, or a file of the project cannot be understood.
    """
    directory = directory.resolve()
    if not directory.is_dir():
        raise ProjectError(f"there is no folder {directory}")
    declared = find_mlproject(directory)
    if declared is not None:
        return read_mlproject(declared)
    path = directory / PYPROJECT
    if path.is_file():
        return _read_pyproject(path)
    return Project(directory, directory.name, {})


def read_script(script: Path, directory: Path) -> Project:
    """Describe a single script as a project whose entry point "main" it is; its header says what it needs.

    Args:
        script: Its path, relative to `directory` or absolute.
        directory: Where it will run.

    Raises:
        ProjectError: The header cannot be understood.
    """
    main = EntryPoint("main", f"python {shlex.quote(str(script))}")
    return Project(directory, script.stem, {"main": main}, read_header(directory / script))


def _read_pyproject(path: Path) -> Project:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f"{path} cannot be read: {error}") from error
    about: Mapping[str, Any] = content.get("project", {})
    declared: Mapping[str, Any] = content.get("tool", {}).get("autotrack", {}).get(ENTRY_POINTS, {})
    packages = None
    if "dependencies" in about or "requires-python" in about:
        packages = Packages(about.get("requires-python", ""), tuple(about.get("dependencies", ())))
    entry_points = {name: _entry_point(name, value, path) for name, value in declared.items()}
    return Project(path.parent, about.get("name", path.parent.name), entry_points, packages)


def _entry_point(name: str, value: Any, path: Path) -> EntryPoint:
    """Read a command alone, or a table with a command and parameters; a parameter may be just its default."""
    if isinstance(value, str):
        return EntryPoint(name, value)
    if not isinstance(value, Mapping) or not isinstance(value.get("command"), str):
        raise ProjectError(f"{path}: the entry point {name!r} needs a command, as text or as `command = ...`")
    return EntryPoint(
        name, value["command"], {key: _parameter(one) for key, one in value.get("parameters", {}).items()}
    )


def _parameter(value: Any) -> Parameter:
    if isinstance(value, Mapping):
        return Parameter(value.get("type", "string"), value.get("default"))
    return Parameter("float" if isinstance(value, (int, float)) else "string", value)
