"""Write the three files that rebuild a model's environment: with pip, conda or virtualenv, laid out as MLflow does."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

from autotrack.models.requirements import pin

REQUIREMENTS_FILE = "requirements.txt"
CONDA_FILE = "conda.yaml"
PYTHON_ENV_FILE = "python_env.yaml"


def write_environment(directory: Path, requirements: Sequence[str]) -> None:
    """Write `requirements.txt`, `conda.yaml` and `python_env.yaml`.

    Args:
        directory: An existing folder.
        requirements: One pip requirement each, such as "numpy==2.4.6".
    """
    _write_lines(directory / REQUIREMENTS_FILE, requirements)
    _write_lines(directory / CONDA_FILE, _conda_lines(requirements))
    _write_lines(directory / PYTHON_ENV_FILE, _python_env_lines())


def _conda_lines(requirements: Sequence[str]) -> list[str]:
    # conda-forge may not have the newest pip yet: an upper bound, not a pin.
    pip = pin("pip").replace("==", "<=")
    return [
        "channels:",
        "- conda-forge",
        "dependencies:",
        f"- python={platform.python_version()}",
        f"- {pip}",
        "- pip:",
        *(f"  - {requirement}" for requirement in requirements),
        "name: mlflow-env",
    ]


def _python_env_lines() -> list[str]:
    return [
        f"python: {platform.python_version()}",
        "build_dependencies:",
        *(f"- {pin(tool)}" for tool in ("pip", "setuptools", "wheel")),
        "dependencies:",
        f"- -r {REQUIREMENTS_FILE}",
    ]


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
