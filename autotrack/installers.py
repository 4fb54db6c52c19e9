"""The environment variables that Python, pip and uv are started with to make another environment and to run in it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_LEADING_HERE = frozenset({"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"})
_INDEXES = {"UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_CONFIG_FILE"}


def variables_for(program: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables of this process for a program, without those that lead to this environment's packages.

    uv reads no settings of pip. Where it has none of its own it gets pip's, so that a private index is found with both.

    Args:
        program: What is started; its name is what counts.
        environ: Variables to begin with.
    """
    variables = {key: value for key, value in environ.items() if key not in _LEADING_HERE}
    if Path(program).stem == "uv" and not _has_own_index(variables):
        variables |= as_uv_variables(_pip_settings(variables))
    return variables


def as_uv_variables(settings: Mapping[str, str]) -> dict[str, str]:
    """Return settings of pip as variables of uv.

    pip takes the best version of all its indexes, uv that of the first index which has the package, unless told.

    Args:
        settings: By pip's names, such as "index-url"; several values are separated by white space.

    Example:
        >>> as_uv_variables({"index-url": "https://pypi.example.org/simple"})
        {'UV_DEFAULT_INDEX': 'https://pypi.example.org/simple'}
    """
    found = {}
    if "index-url" in settings:
        found["UV_DEFAULT_INDEX"] = settings["index-url"].strip()
    if "extra-index-url" in settings:
        found["UV_INDEX"] = " ".join(settings["extra-index-url"].split())
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if "find-links" in settings:
        found["UV_FIND_LINKS"] = ",".join(settings["find-links"].split())
    if "trusted-host" in settings:
        found["UV_INSECURE_HOST"] = " ".join(settings["trusted-host"].split())
    if "cert" in settings:
        found["SSL_CERT_FILE"] = settings["cert"].strip()
    return found


def _has_own_index(variables: Mapping[str, str]) -> bool:
    user = Path(variables.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "uv" / "uv.toml"
    return not _INDEXES.isdisjoint(variables) or user.is_file() or Path("/etc/uv/uv.toml").is_file()


def _pip_settings(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what pip is told by its files and variables; nothing where there is no pip."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    settings = {}
    for line in done.stdout.splitlines():  # as in: install.index-url='https://…'; variables come last, and count most
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in {"global", "install", ":env:"} and value:
            settings[key] = shlex.split(value)[0]
    return settings
