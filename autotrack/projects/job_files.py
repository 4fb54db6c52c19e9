"""Write files that start a project on a cluster; they are submitted with the cluster's own client.

A job does what the command line would do here: it calls `autotrack run` with the same options.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SECRET = "autotrack"  # noqa: S105 - the name of one
_SLURM = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --chdir={directory}
#SBATCH --output={name}-%j.log
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={cpus}
set -eu
{variables}
exec {command}
"""


def slurm_script(
    name: str, words: Sequence[str], directory: Path, store: Sequence[tuple[str, str]], *, cpus: int = 1
) -> str:
    """Return a batch script of Slurm: one task that runs the project in a folder all nodes see.

    Args:
        name: Of the job.
        words: The command.
        directory: Where it runs.
        store: Variables that say where runs go.
        cpus: Of the task.
    """
    variables = "\n".join(f"export {key}={shlex.quote(value)}" for key, value in store)
    return _SLURM.format(
        name=_label(name),
        directory=shlex.quote(str(directory)),
        cpus=cpus,
        variables=variables,
        command=shlex.join(words),
    )


def kubernetes_job(name: str, words: Sequence[str], image: str, *, cpus: int = 1) -> dict[str, Any]:
    """Return the manifest of a Kubernetes job (batch/v1).

    Where runs go stands in the key `to` of a secret named "autotrack", as it may hold a password.

    Args:
        name: Of the job; each submission gets one of its own from it.
        words: The command.
        image: The image, which has to hold autotrack and git.
        cpus: What the container asks for.
    """
    target = {"name": "AUTOTRACK_TO", "valueFrom": {"secretKeyRef": {"name": SECRET, "key": "to"}}}
    container = {
        "name": "train",
        "image": image,
        "command": list(words),
        "env": [target],
        "resources": {"requests": {"cpu": str(cpus)}},
    }
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": f"{_label(name)}-"},
        "spec": {"backoffLimit": 0, "template": template},
    }


def _label(name: str) -> str:
    """Return a name that both take: lower case letters, digits and dashes, 50 characters at most."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50].strip("-") or "project"
