"""The context of a run as tags, under the names that MLflow uses."""

from __future__ import annotations

from autotrack.capture.environment import Environment
from autotrack.capture.git import GitState


def context_tags(git: GitState | None, environment: Environment) -> dict[str, str]:
    """Return user, source and code version as tags.

    Args:
        git: State of the repository, or None where there is none.
        environment: The environment of the process.

    Returns:
        `mlflow.user`, `mlflow.source.name`, `mlflow.source.type`, and with git `mlflow.source.git.commit`, `.dirty`
        ("true" or "false") and, where known, `.branch` and `.repoURL`.
    """
    tags = {
        "mlflow.user": environment.user,
        "mlflow.source.name": environment.source_name,
        "mlflow.source.type": environment.source_type,
    }
    if git is None:
        return tags
    code = {"commit": git.commit, "branch": git.branch, "repoURL": git.remote, "dirty": str(git.dirty).lower()}
    return tags | {f"mlflow.source.git.{name}": value for name, value in code.items() if value is not None}
