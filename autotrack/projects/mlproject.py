"""Read an `MLproject` file as MLflow does.

The format: https://mlflow.org/docs/latest/ml/projects/ ("MLproject file").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autotrack.errors import MissingDependencyError
from autotrack.projects.definition import (
    CondaFile,
    Container,
    EntryPoint,
    Environment,
    Packages,
    Parameter,
    Project,
    ProjectError,
)

FILE_NAME = "mlproject"
"""In any case."""
CONDA_FILE = "conda.yaml"
PYTHON_ENV_FILE = "python_env.yaml"
ENVIRONMENTS = ("docker_env", "conda_env", "python_env")
TYPES = ("string", "float", "path", "uri")


def find_mlproject(directory: Path) -> Path | None:
    """Return the MLproject file of a folder, or None."""
    return next((path for path in sorted(directory.iterdir()) if path.name.lower() == FILE_NAME), None)


def read_mlproject(path: Path) -> Project:
    """Read an MLproject file and the environment file that it names.

    Raises:
        ProjectError: It cannot be understood, or names an environment file that is not there.
        MissingDependencyError: PyYAML is not installed.
    """
    content = _read_yaml(path)
    entry_points = {
        str(name): _entry_point(str(name), value, path) for name, value in (content.get("entry_points") or {}).items()
    }
    return Project(path.parent, str(content.get("name") or path.parent.name), entry_points, _environment(content, path))


def _entry_point(name: str, value: Any, path: Path) -> EntryPoint:
    if not isinstance(value, Mapping) or not isinstance(value.get("command"), str):
        raise ProjectError(f"{path}: the entry point {name!r} has no command")
    parameters = {str(key): _parameter(str(key), one, path) for key, one in (value.get("parameters") or {}).items()}
    return EntryPoint(name, value["command"], parameters)


def _parameter(name: str, value: Any, path: Path) -> Parameter:
    """Read `{type: float, default: 0.5}`, or the type alone."""
    found = Parameter(value) if isinstance(value, str) else Parameter(value.get("type", "string"), value.get("default"))
    if found.type not in TYPES:
        raise ProjectError(f"{path}: parameter {name!r} is of type {found.type!r}; there are: {', '.join(TYPES)}")
    return found


def _environment(content: Mapping[str, Any], path: Path) -> Environment:
    named = [key for key in ENVIRONMENTS if content.get(key)]
    if len(named) > 1:
        raise ProjectError(f"{path} names several environments ({', '.join(named)}); keep one")
    folder = path.parent
    if not named:  # MLflow takes a conda.yaml that lies there without being named
        return _read_conda(folder / CONDA_FILE) if (folder / CONDA_FILE).is_file() else None
    value = content[named[0]]
    if named[0] == "docker_env":
        return _container(value, path)
    file = folder / value
    if not file.is_file():
        raise ProjectError(f"{path} names {named[0]}: {value}, which is not there")
    return _read_conda(file) if named[0] == "conda_env" else _read_python_env(file)


def _container(value: Mapping[str, Any], path: Path) -> Container:
    if not value.get("image"):
        raise ProjectError(f"{path}: docker_env names no image")
    variables = tuple(
        one if isinstance(one, str) else "=".join(map(str, one)) for one in value.get("environment") or ()
    )
    return Container(value["image"], tuple(value.get("volumes") or ()), variables)


def _read_python_env(path: Path) -> Packages:
    content = _read_yaml(path)
    requirements = (*(content.get("build_dependencies") or ()), *(content.get("dependencies") or ()))
    return Packages(str(content.get("python") or ""), requirements)


def _read_conda(path: Path) -> CondaFile:
    """Read what pip can do of a conda file: the version of Python, pip itself, and the list below `pip`."""
    dependencies: Sequence[Any] = _read_yaml(path).get("dependencies") or ()
    python = ""
    requirements: list[str] = []
    others: list[Any] = []
    for one in dependencies:
        if isinstance(one, Mapping):
            requirements += one.get("pip") or ()
            continue
        name, _, version = str(one).partition("=")
        if name == "python":
            python = version.lstrip("=")
        elif not name.startswith("pip"):
            others.append(one)
    return CondaFile(path, None if others else Packages(python, tuple(requirements)))


def _read_yaml(path: Path) -> Mapping[str, Any]:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise MissingDependencyError("yaml", "projects") from error
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProjectError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, Mapping):
        raise ProjectError(f"{path} holds no YAML mapping")
    return content
