"""What registered models, aliases and stages may be called: MLflow's rules, so that its clients and ours agree."""

from __future__ import annotations

import re

from autotrack.errors import RegistryError

READY = "READY"
NO_STAGE = "None"
PRODUCTION = "Production"
ARCHIVED = "Archived"
STAGES = (NO_STAGE, "Staging", PRODUCTION, ARCHIVED)
ACTIVE_STAGES = ("Staging", PRODUCTION)
LATEST = "latest"
"""Stands for the version with the greatest number wherever an alias may stand."""

MAX_NAME = 256
MAX_ALIAS = 255
_ALIAS = re.compile(r"[\w-]+")
_LIKE_A_VERSION = re.compile(r"[vV]\d+")


def checked_name(name: str) -> str:
    """Return a name for a registered model.

    Raises:
        RegistryError: It is none.
    """
    if not name.strip() or len(name) > MAX_NAME or set(name) & set("/:") or name in {".", ".."}:
        raise RegistryError(
            f"{name[:MAX_NAME]!r} cannot be the name of a model: use 1 to {MAX_NAME} characters without '/' or ':'"
        )
    return name


def checked_alias(alias: str) -> str:
    """Return a name for an alias.

    Raises:
        RegistryError: It is none.
    """
    if _ALIAS.fullmatch(alias) is None or len(alias) > MAX_ALIAS:
        raise RegistryError(f"{alias[:MAX_ALIAS]!r} cannot be an alias: use letters, digits, '_' and '-'")
    if alias.lower() == LATEST or _LIKE_A_VERSION.fullmatch(alias):
        raise RegistryError(f"{alias!r} cannot be an alias: it reads like a version")
    return alias


def checked_stage(stage: str) -> str:
    """Return a stage as it is written, whatever the case it came in.

    Raises:
        RegistryError: There is no such stage.
    """
    for known in STAGES:
        if known.lower() == stage.lower():
            return known
    raise RegistryError(f"there is no stage {stage[:MAX_NAME]!r}; stages are {', '.join(STAGES)}")
