"""What `autotrack run` does with a project: fetch it, make its environment, start it as often as asked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from autotrack.cli.screen import say
from autotrack.errors import AutotrackError, StoreUnavailableError
from autotrack.words import plural

if TYPE_CHECKING:
    from autotrack.projects import Project
    from autotrack.settings import Settings

SERVER_PACKAGES = ("uvicorn", "starlette", "jinja2", "obstore")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for on the command line.

    Attributes:
        target: A folder, a script, or `GIT_URL[@ref][#subdirectory]`.
        arguments: What stands behind a script; a project takes parameters instead.
        entry: The entry point.
        params: As NAME=VALUE.
        grid: As NAME=VALUE,VALUE.
        jobs: How many runs at once.
        environment: "local", "uv", "venv", "conda", "docker", or None for what the project asks for.
        backend: "local", or "slurm" or "kubernetes" to write the file of a job instead.
        name: Of the run.
    """

    target: str
    arguments: Sequence[str]
    entry: str | None
    params: Sequence[str]
    grid: Sequence[str]
    jobs: int
    environment: str | None
    backend: str
    name: str | None


def run_project(request: Request, settings: Settings) -> int:
    """Run a project; return the exit status of the first start that failed, or 0."""
    from autotrack import recording
    from autotrack.cli.project_jobs import write_job
    from autotrack.projects.commands import Places, build_command
    from autotrack.projects.environments import prepare
    from autotrack.projects.grid import combinations, parse_values
    from autotrack.projects.launching import Job, Launcher
    from autotrack.projects.python_shim import write_shims

    if os.name != "posix":
        raise AutotrackError("projects run on Linux and macOS only; use `autotrack run SCRIPT` here")
    values = combinations(parse_values(request.params, "-P"), parse_values(request.grid, "--grid"))
    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory(prefix="autotrack-project-")))
        project, tags = _fetch(request, work)
        entry = project.entry_point(request.entry or "main")
        places = Places(project.directory, Path.cwd(), work / "downloads")
        jobs = [Job(*build_command(entry, one, places)) for one in values]
        if request.backend != "local":
            write_job(request, project, entry, _variables(settings))
            return 0
        prepared = prepare(project, request.environment, say)
        recording.configure(settings)
        shims = work / "python"
        shims.mkdir()
        write_shims(shims)
        variables = {**_variables(settings), **stack.enter_context(_mlflow_server(settings))}
        tags |= {"mlflow.project.entryPoint": entry.name, "mlflow.project.env": prepared.kind}
        launcher = Launcher(project, entry, prepared, shims, variables, tags)
        try:
            statuses = launcher.launch(jobs, name=request.name, at_once=request.jobs)
        finally:
            recording.close_recorder()
            recording.forget_settings()
    if not settings.quiet:
        failed = sum(map(bool, statuses))
        say(f"autotrack: {plural(len(statuses), 'run')} of {project.name!r}{f', {failed} failed' if failed else ''}")
    return next((status for status in statuses if status), 0)


def _fetch(request: Request, work: Path) -> tuple[Project, dict[str, str]]:
    """Return the project and the tags that say where it came from."""
    from autotrack.projects.definition import ProjectError
    from autotrack.projects.reading import read_project, read_script
    from autotrack.projects.source import clone, commit_of, parse_source

    if request.arguments:
        raise ProjectError(f"{request.arguments[0]!r} is no option; a project takes its parameters as -P NAME=VALUE")
    source = parse_source(request.target)
    if source is not None:
        directory = clone(source, work / "repository")
        tags = {"autotrack.project": source.shown}
        tags |= {"mlflow.source.git.commit": commit_of(directory), "mlflow.source.git.repoURL": source.shown_url}
        return read_project(directory), tags
    path = Path(request.target)
    if path.is_file():
        return read_script(path, Path.cwd()), {}
    return read_project(path), {"autotrack.project": str(path.resolve())}


def _variables(settings: Settings) -> dict[str, str]:
    """Return what lets the program record as this process would, from another working directory."""
    from autotrack.targets import home_root, is_path

    to = [str(Path(one).expanduser().absolute()) if is_path(one) else one for one in settings.to]
    given = {
        "AUTOTRACK_STORE": str(home_root(settings).absolute()),
        "AUTOTRACK_TO": ",".join(to),
        "AUTOTRACK_EXPERIMENT": settings.experiment,
        "AUTOTRACK_QUIET": "1",
        "AUTOTRACK_TAGS": ",".join(f"{key}={value}" for key, value in settings.tags.items()),
    }
    return {name: value for name, value in given.items() if value}


def _mlflow_server(settings: Settings) -> AbstractContextManager[Mapping[str, str]]:
    """Let programs that call MLflow log into the same runs: serve its protocol on loopback while they run.

    Nothing is served where the user has set MLFLOW_TRACKING_URI, where runs go to a place that cannot be read back, or
    where the extra `server` is missing.
    """
    from autotrack.place import find_place

    if "MLFLOW_TRACKING_URI" in os.environ or not all(map(find_spec, SERVER_PACKAGES)):
        return nullcontext({})
    try:
        place = find_place(settings)
    except StoreUnavailableError:
        return nullcontext({})
    from autotrack.server.team.session import serve_programs

    return serve_programs(place)
