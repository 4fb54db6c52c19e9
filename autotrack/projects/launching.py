"""Start the command of a project as a run: what was asked for is on it, what the program trains goes into it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from autotrack.assignment import RUN_VARIABLE
from autotrack.errors import AutotrackError
from autotrack.projects.definition import Container, EntryPoint, Project
from autotrack.projects.environments import Prepared
from autotrack.records import FAILED, FINISHED, INTERRUPTED
from autotrack.run import Run

FLUSH_SECONDS = 10.0
CONTAINER_CODE = "/autotrack/code"
CONTAINER_SHIMS = "/autotrack/python"


class Job(msgspec.Struct, frozen=True):
    """One start of a project.

    Attributes:
        command: What the shell gets.
        params: What the run gets.
    """

    command: str
    params: Mapping[str, Any]


class Launcher:
    """Starts the jobs of one project, each as a run.

    Args:
        project: The project.
        entry: The entry point that they start.
        prepared: Its environment.
        shims: The folder with the shims of Python.
        variables: What the programs get in their environment beside the caller's variables.
        tags: What each run gets.
    """

    def __init__(
        self,
        project: Project,
        entry: EntryPoint,
        prepared: Prepared,
        shims: Path,
        variables: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> None:
        self._project = project
        self._entry = entry
        self._prepared = prepared
        self._shims = shims
        self._variables = variables
        self._tags = tags
        self._processes: set[subprocess.Popen[bytes]] = set()

    def launch(self, jobs: Sequence[Job], *, name: str | None = None, at_once: int = 1) -> list[int]:
        """Run jobs; several are the children of one run.

        Args:
            jobs: What to run.
            name: Of the run; with several jobs, of their parent.
            at_once: How many run at the same time.

        Returns:
            The exit status of each.
        """
        if len(jobs) == 1:
            return [self._run(jobs[0], self._begin(name, jobs[0].params))]
        parent = self._begin(name or f"{self._project.name} {self._entry.name}", _shared(jobs))
        statuses = [1]
        try:
            with ThreadPoolExecutor(at_once) as pool:
                statuses = self._gather(pool, jobs, parent)
        finally:
            parent.end(FAILED if any(statuses) else FINISHED)
        return statuses

    def _gather(self, pool: ThreadPoolExecutor, jobs: Sequence[Job], parent: Run) -> list[int]:
        def run(job: Job) -> int:
            return self._run(job, self._begin(_child_name(job, jobs), job.params, parent))

        futures = [pool.submit(run, job) for job in jobs]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            for future in futures:
                future.cancel()
            for process in list(self._processes):
                process.send_signal(signal.SIGINT)
            raise

    def _begin(self, name: str | None, params: Mapping[str, Any], parent: Run | None = None) -> Run:
        run = Run(name, source="project", tags=self._tags, parent_id=parent.id if parent else None)
        run.log_params(params)
        return run

    def _run(self, job: Job, run: Run) -> int:
        """Run one job to its end, with the run's end from its exit status."""
        _flush()  # the store knows the run before the program goes on with it
        words, variables = self._process_of(job, run)
        try:
            with subprocess.Popen(words, cwd=self._project.directory, env=variables) as process:  # noqa: S603
                self._processes.add(process)
                try:
                    status = process.wait()
                finally:
                    self._processes.discard(process)
        except KeyboardInterrupt:
            run.end(INTERRUPTED)
            raise
        except OSError as error:
            run.end_with(error)
            raise AutotrackError(f"{words[0]} cannot be started: {error.strerror}") from error
        stopped = status in {-signal.SIGINT, 128 + signal.SIGINT}
        ended = FINISHED if status == 0 else INTERRUPTED if stopped else FAILED
        run.end(ended, None if status == 0 else f"the command ended with status {status}: {job.command}")
        return status if status >= 0 else 128 - status

    def _process_of(self, job: Job, run: Run) -> tuple[list[str], dict[str, str]]:
        variables = {**self._variables, RUN_VARIABLE: run.id, "MLFLOW_RUN_ID": run.id}
        container = self._prepared.container
        if container is not None:
            return container_command(container, job.command, self._project.directory, self._shims, variables), dict(
                os.environ
            )
        path = os.pathsep.join([str(self._shims), str(self._prepared.programs), os.environ.get("PATH", os.defpath)])
        shell = shutil.which("bash") or "/bin/sh"
        return [shell, "-c", job.command], {**os.environ, **variables, "PATH": path}


def container_command(
    container: Container, command: str, code: Path, shims: Path, variables: Mapping[str, str]
) -> list[str]:
    """Return the call of docker that runs a command in a container.

    The image has to hold autotrack. The store is reached under its own path, if it is a folder.

    Args:
        container: The image, with its volumes and variables.
        command: What the shell gets there.
        code: The project's folder; mounted.
        shims: The folder of the shims; mounted, and first in PATH.
        variables: What the program gets in its environment.
    """
    store = variables.get("AUTOTRACK_STORE")
    volumes = [f"{code}:{CONTAINER_CODE}", f"{shims}:{CONTAINER_SHIMS}:ro", *container.volumes]
    if store:
        volumes.append(f"{store}:{store}")
    user = f"{os.getuid()}:{os.getgid()}"
    options = [word for volume in volumes for word in ("--volume", volume)]
    given = [*(f"{key}={value}" for key, value in variables.items()), *container.variables]
    options += [word for variable in given for word in ("--env", variable)]
    inside = f'PATH="{CONTAINER_SHIMS}:$PATH"; {command}'
    return ["docker", "run", "--rm", "--network", "host", "--user", user, "--workdir", CONTAINER_CODE, *options,
            container.image, "sh", "-c", inside]  # fmt: skip


def _flush() -> None:
    from autotrack.recording import current_recorder

    current_recorder().flush(FLUSH_SECONDS)


def _shared(jobs: Sequence[Job]) -> dict[str, Any]:
    """Return the parameters that have the same value in all jobs."""
    return {key: value for key, value in jobs[0].params.items() if all(job.params[key] == value for job in jobs)}


def _child_name(job: Job, jobs: Sequence[Job]) -> str:
    """Name a job by what sets it apart."""
    shared = _shared(jobs)
    return " ".join(f"{key}={value}" for key, value in job.params.items() if key not in shared)
