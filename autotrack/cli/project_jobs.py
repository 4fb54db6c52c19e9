"""What `autotrack run --backend slurm|kubernetes` does: write the file of a job, and say how to submit it."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from autotrack.cli.screen import say
from autotrack.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autotrack.cli.project import Request
    from autotrack.projects import EntryPoint, Project

SLURM_FILE = "{}.sbatch"
KUBERNETES_FILE = "{}.job.yaml"


def write_job(request: Request, project: Project, entry: EntryPoint, store: Mapping[str, str]) -> Path:
    """Write the file of a job into the working directory.

    Raises:
        ProjectError: The file is there already, or Kubernetes is asked for without an image or a repository.
    """
    from autotrack.projects.definition import ProjectError
    from autotrack.projects.job_files import slurm_script

    slurm = request.backend == "slurm"
    path = Path((SLURM_FILE if slurm else KUBERNETES_FILE).format(f"{project.name}-{entry.name}".replace(os.sep, "-")))
    if path.exists():
        raise ProjectError(f"{path} is there already; move it away, or submit it")
    if slurm:
        words = [sys.executable, "-m", "autotrack", "run", *_options(request)]
        text = slurm_script(path.stem, words, Path.cwd(), sorted(store.items()), cpus=request.jobs)
        client = f"sbatch {shlex.quote(str(path))}"
    else:
        text = _manifest(request, project, path.name)
        client = f"kubectl create -f {shlex.quote(str(path))}"
    path.touch(mode=0o600)  # the address of a store may hold a password
    path.write_text(text, encoding="utf-8")
    say(f"wrote {path}; submit it with: {client}")
    return path


def _manifest(request: Request, project: Project, name: str) -> str:
    from autotrack.projects.definition import Container, ProjectError
    from autotrack.projects.job_files import kubernetes_job
    from autotrack.projects.source import parse_source

    if not isinstance(project.environment, Container):
        raise ProjectError(f"{project.directory} names no image for Kubernetes; add docker_env to its MLproject file")
    if parse_source(request.target) is None:
        raise ProjectError(f"a container cannot see {request.target}; name the project by the URL of its repository")
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise MissingDependencyError("yaml", "projects") from error
    words = ["autotrack", "run", *_options(request, environment="local")]
    job = kubernetes_job(name.removesuffix(".job.yaml"), words, project.environment.image, cpus=request.jobs)
    text: str = yaml.safe_dump(job, sort_keys=False)
    return text


def _options(request: Request, environment: str | None = None) -> list[str]:
    """Return the request as it stands on a command line."""
    single = {"--entry": request.entry, "--name": request.name, "--env": environment or request.environment}
    words = [request.target]
    words += [word for option, value in single.items() if value is not None for word in (option, value)]
    words += [word for value in request.params for word in ("-P", value)]
    words += [word for value in request.grid for word in ("--grid", value)]
    return [*words, "--jobs", str(request.jobs)]
