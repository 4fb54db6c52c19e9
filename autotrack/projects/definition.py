"""What a project is: entry points with parameters, and the environment that they need."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from autotrack.errors import AutotrackError

SCRIPT_COMMANDS = {".py": "python", ".sh": "bash"}
"""What starts a script that no file of the project declares as an entry point."""


class ProjectError(AutotrackError, ValueError):
    """A project is not where it was asked for, cannot be read, or was given parameters that do not fit."""


class Parameter(msgspec.Struct, frozen=True):
    """A parameter of an entry point.

    Attributes:
        type: "string", "float", "path" (a file, made absolute or fetched) or "uri".
        default: None where a value must be given.
    """

    type: str = "string"
    default: Any = None


class EntryPoint(msgspec.Struct, frozen=True):
    """A command with parameters.

    Attributes:
        name: What it is called on the command line.
        command: Of the shell, with `{parameter}` where a value goes.
        parameters: In the order of the file.
    """

    name: str
    command: str
    parameters: dict[str, Parameter] = {}


class Packages(msgspec.Struct, frozen=True):
    """An environment of Python packages.

    Attributes:
        python: A version such as "3.11", or a range such as ">=3.10"; "" for any.
        requirements: As lines of a requirements file; files that they name are relative to the project.
    """

    python: str = ""
    requirements: tuple[str, ...] = ()


class CondaFile(msgspec.Struct, frozen=True):
    """An environment of conda.

    Attributes:
        path: Of the file `conda env create` reads.
        packages: The same for pip, or None where it has packages of conda's that pip may not have.
    """

    path: Path
    packages: Packages | None


class Container(msgspec.Struct, frozen=True):
    """An environment of docker.

    Attributes:
        image: Its name.
        volumes: As `docker run --volume` takes them.
        variables: As `docker run --env` takes them: NAME=VALUE, or NAME for the caller's value.
    """

    image: str
    volumes: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


Environment: TypeAlias = Packages | CondaFile | Container | None
"""What a project needs; None where it does not say."""


class Project(msgspec.Struct, frozen=True):
    """A project as its files describe it.

    Attributes:
        directory: Where its commands run.
        name: What it is called.
        entry_points: By name.
        environment: What they need.
    """

    directory: Path
    name: str
    entry_points: dict[str, EntryPoint]
    environment: Environment = None

    def entry_point(self, name: str) -> EntryPoint:
        """Return an entry point; a script of the project is one, too, and `__main__.py` is `main` where no other is.

        Raises:
            ProjectError: There is none of this name.
        """
        if name in self.entry_points:
            return self.entry_points[name]
        script = "__main__.py" if name == "main" else name
        starter = SCRIPT_COMMANDS.get(Path(script).suffix)
        if starter and (self.directory / script).is_file():
            return EntryPoint(name, f"{starter} {shlex.quote(script)}")
        known = ", ".join(self.entry_points) or "none"
        raise ProjectError(
            f"{self.directory} has no entry point {name!r} (there are: {known}), and no script of this name; "
            "choose one with --entry"
        )
