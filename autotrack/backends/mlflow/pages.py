"""The pages `meta.yaml` in MLflow's `mlruns` folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autotrack.errors import MissingDependencyError, StoreUnavailableError


def read_page(path: Path) -> dict[str, Any]:
    """Read a page of MLflow's.

    Raises:
        StoreUnavailableError: It is no mapping.
        MissingDependencyError: PyYAML is not installed.
    """
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise MissingDependencyError("yaml", "mlflow") from error
    try:
        page = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - the safe one
    except yaml.YAMLError as error:
        raise StoreUnavailableError(f"{path} cannot be read: {error}") from error
    if not isinstance(page, dict):
        raise StoreUnavailableError(f"{path} is no page of MLflow's: expected a mapping, got {type(page).__name__}")
    return page
