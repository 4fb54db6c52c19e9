"""The Python that a run is done again with: this one, or a new environment with the recorded versions."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from autotrack.errors import ReproductionError
from autotrack.installers import variables_for

KINDS = ("uv", "venv", "conda")


def differing_packages(environment: Mapping[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Return recorded packages that are here in another version or not at all: name -> (recorded, here)."""
    found = {}
    for name, version in environment.get("packages", {}).items():
        try:
            here: str | None = metadata.version(name)
        except metadata.PackageNotFoundError:
            here = None
        if here != version:
            found[name] = (version, here)
    return found


def make_interpreter(kind: str, environment: Mapping[str, Any], directory: Path) -> Path:
    """Make an environment with the recorded versions, and autotrack as it is here.

    Args:
        kind: "uv", which brings the recorded Python, too; "venv" with this Python; or "conda".
        environment: The content of a run's `environment.json`.
        directory: Where it goes; it must not exist.

    Returns:
        The path of its Python.

    Raises:
        ReproductionError: The tool is missing, the run has no versions, or the environment cannot be made.
    """
    packages, wanted = environment.get("packages"), environment.get("python", "")
    if not packages:
        raise ReproductionError("the run recorded no packages; the setting `capture` must have `environment`")
    python = directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    requirements = [f"{name}=={version}" for name, version in packages.items() if name != "autotrack"]
    requirements.append(_own_requirement())
    if kind == "uv":
        uv = _tool("uv")
        _run([uv, "venv", "--quiet", "--python", wanted, str(directory)])
        _run([uv, "pip", "install", "--quiet", "--python", str(python), *requirements])
        return python
    if kind == "conda":
        conda = next((found for name in ("micromamba", "mamba", "conda") if (found := shutil.which(name))), None)
        _run(
            [
                conda or _tool("conda"),
                "create",
                "--yes",
                "--quiet",
                "--prefix",
                str(directory),
                f"python={wanted}",
                "pip",
            ]
        )
    else:
        _check_python(wanted)
        _run([sys.executable, "-m", "venv", str(directory)])
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])
    return python


def _check_python(wanted: str) -> None:
    here = platform.python_version()
    if wanted.split(".")[:2] != here.split(".")[:2]:
        raise ReproductionError(f"the run was made with Python {wanted}, this is {here}; use --env uv, or that Python")


def _own_requirement() -> str:
    """Return this autotrack: its folder where it was installed from one, else its version."""
    own = metadata.distribution("autotrack")
    origin = json.loads(own.read_text("direct_url.json") or "{}")
    return f"autotrack @ {origin['url']}" if "dir_info" in origin else f"autotrack=={own.version}"


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ReproductionError(f"{name} is not installed; install it, or choose another --env ({', '.join(KINDS)})")
    return found


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables_for(command[0]))  # noqa: S603
    if done.returncode:
        lines = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise ReproductionError(f"the environment cannot be made ({Path(command[0]).name}):\n  {lines}")
