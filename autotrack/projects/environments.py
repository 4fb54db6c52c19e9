"""Make the environment that a project asks for, or find it made already.

Environments of pip and conda are kept in the user's cache under the hash of what they hold, so a second run of the same
project takes no time. autotrack itself goes into each: it records the runs from the inside.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

import msgspec
from packaging.specifiers import SpecifierSet

from autotrack._version import __version__
from autotrack.installers import variables_for
from autotrack.projects.definition import CondaFile, Container, Environment, Packages, Project, ProjectError

Tell = Callable[[str], object]

CONDA_PROGRAMS = ("mamba", "micromamba", "conda")
_COMPLETE = "complete"


class Prepared(msgspec.Struct, frozen=True):
    """An environment that is ready.

    Attributes:
        kind: "local", "venv", "uv", "conda" or "docker".
        programs: The folder with its `python`; None in a container.
        container: The container to run in, if any.
    """

    kind: str
    programs: Path | None = None
    container: Container | None = None


def prepare(project: Project, kind: str | None, tell: Tell) -> Prepared:
    """Make a project's environment, or find it in the cache.

    Args:
        project: The project.
        kind: "local" for this very environment, "uv", "venv", "conda" or "docker"; None for what the project asks for.
        tell: Called with what is being done, where that takes time.

    Raises:
        ProjectError: The project does not describe such an environment, or it cannot be made.
    """
    kind = kind or default_kind(project.environment)
    if kind == "local":
        return Prepared(kind, Path(sys.executable).parent)
    if kind == "docker":
        if not isinstance(project.environment, Container):
            raise ProjectError(f"{project.directory} names no docker image; add docker_env to its MLproject file")
        return Prepared(kind, container=project.environment)
    if kind == "conda":
        if not isinstance(project.environment, CondaFile):
            raise ProjectError(f"{project.directory} has no conda.yaml; choose another --env")
        return Prepared(kind, _conda_environment(project.environment, tell) / "bin")
    return Prepared(kind, _virtual_environment(project, _packages(project), kind, tell) / "bin")


def default_kind(environment: Environment) -> str:
    """Return what an environment asks for: docker, conda where that is installed, else uv or venv; local for none."""
    if environment is None:
        return "local"
    if isinstance(environment, Container):
        return "docker"
    if isinstance(environment, CondaFile) and (environment.packages is None or _conda_program()):
        return "conda"
    return "uv" if shutil.which("uv") else "venv"


def own_requirement() -> str:
    """Return what pip installs this autotrack from: the folder it was installed from, or its version."""
    origin = metadata.distribution("autotrack").read_text("direct_url.json")
    url = json.loads(origin)["url"] if origin else ""
    return f"autotrack @ {url}" if url else f"autotrack=={__version__}"


def _packages(project: Project) -> Packages:
    environment = project.environment
    if environment is None:
        return Packages()
    if isinstance(environment, Packages):
        return environment
    if isinstance(environment, CondaFile) and environment.packages is not None:
        return environment.packages
    raise ProjectError(f"the environment of {project.directory} cannot be made with pip; choose --env conda or docker")


def _virtual_environment(project: Project, packages: Packages, kind: str, tell: Tell) -> Path:
    files = [project.directory / line.split(maxsplit=1)[1] for line in packages.requirements if line.startswith("-r ")]
    key = [kind, packages.python, *packages.requirements, *map(_read, files)]
    if kind == "venv":
        _check_python(packages.python)
        key.append(platform.python_version())

    def make(folder: Path) -> None:
        wanted = ["--python", packages.python] if packages.python else []
        maker = ["uv", "venv", *wanted] if kind == "uv" else [sys.executable, "-m", "venv"]
        python = str(folder / "bin" / "python")
        installer = ["uv", "pip", "install", "--python", python] if kind == "uv" else [python, "-m", "pip", "install"]
        tell(f"making an environment ({kind})")
        _run([*maker, str(folder)], project.directory)
        tell(f"installing {', '.join([*packages.requirements, 'autotrack'])}")
        words = [word for line in packages.requirements for word in (line.split() if line[0] == "-" else [line])]
        _run([*installer, *words, own_requirement()], project.directory)

    return _cached(key, make)


def _conda_environment(file: CondaFile, tell: Tell) -> Path:
    program = _conda_program()
    if program is None:
        raise ProjectError(f"none of {', '.join(CONDA_PROGRAMS)} is installed; install one, or choose another --env")

    def make(folder: Path) -> None:
        tell(f"making an environment from {file.path.name} ({program})")
        _run([program, "env", "create", "--yes", "--prefix", str(folder), "--file", str(file.path)], file.path.parent)
        _run([str(folder / "bin" / "python"), "-m", "pip", "install", own_requirement()], file.path.parent)

    return _cached([program, _read(file.path)], make)


def _conda_program() -> str | None:
    return next((name for name in CONDA_PROGRAMS if shutil.which(name)), None)


def _check_python(wanted: str) -> None:
    """Check that this Python is the wanted one: `venv` makes environments of no other."""
    here = platform.python_version()
    fits = here == wanted or here.startswith(f"{wanted}.") if wanted[:1].isdigit() else here in SpecifierSet(wanted)
    if wanted and not fits:
        raise ProjectError(
            f"the project wants Python {wanted}, this is {here}; install uv, which fetches other versions, "
            "or choose --env local"
        )


def _cached(key: Sequence[str], make: Callable[[Path], None]) -> Path:
    """Return the environment of a key; of several processes that want it, one makes it."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autotrack" / "environments"
    root.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256("\0".join([*key, own_requirement()]).encode()).hexdigest()[:20]
    folder = root / digest
    with open(root / f"{digest}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _COMPLETE).exists():
            shutil.rmtree(folder, ignore_errors=True)  # what an interrupted process has left
            make(folder)
            (folder / _COMPLETE).touch()
    return folder


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProjectError(f"cannot read {path}, which the project's environment names: {error.strerror}") from error


def _run(command: Sequence[str], directory: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - uv, pip, venv or conda
            command, cwd=directory, env=variables_for(command[0]), capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ProjectError(f"{command[0]} is not installed; install it, or choose another --env") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()[-8:]
        raise ProjectError("the environment cannot be made:\n  " + "\n  ".join(lines))
