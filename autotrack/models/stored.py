"""`StoredModel`: a model folder opened for reading, its `MLmodel` page understood, nothing of the model loaded yet."""

from __future__ import annotations

import json
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotrack.errors import MissingDependencyError, ModelError
from autotrack.models.mlmodel import MLMODEL_FILE
from autotrack.models.uri import Location, locate

if TYPE_CHECKING:
    from autotrack.history import History

PYTHON_FUNCTION = "python_function"


class StoredModel:
    """A model on disk.

    Args:
        location: Where it lies.

    Attributes:
        path: Its folder.
        uri: How it was asked for.
        page: The content of its file `MLmodel`.
        flavors: Settings of each flavor, by name.

    Raises:
        ModelError: `MLmodel` is no page of that kind.
    """

    def __init__(self, location: Location) -> None:
        self.location = location
        self.path = location.path
        self.uri = location.uri
        self.page = _read_page(location.path / MLMODEL_FILE)
        self.flavors: dict[str, dict[str, Any]] = {name: value or {} for name, value in self.page["flavors"].items()}

    @property
    def model_id(self) -> str | None:
        """The model's own id."""
        found = self.page.get("model_id") or self.page.get("model_uuid")
        return None if found is None else str(found)

    @property
    def run_id(self) -> str | None:
        """The run that made it."""
        return self.location.run_id or self.page.get("run_id")

    @property
    def metadata(self) -> dict[str, Any]:
        """What whoever saved it wrote down beside the format's own words."""
        return self.page.get("metadata") or {}

    @property
    def generic(self) -> dict[str, Any]:
        """Settings of the flavor `python_function`; empty where it has none."""
        return self.flavors.get(PYTHON_FUNCTION, {})

    @cached_property
    def signature(self) -> dict[str, list[dict[str, Any]] | None]:
        """`inputs`, `outputs` and `params`, parsed; None where the model has none."""
        texts = self.page.get("signature") or {}
        return {part: json.loads(texts[part]) if texts.get(part) else None for part in ("inputs", "outputs", "params")}

    def file(self, name: str) -> Path:
        """Return the path of a file or folder that `MLmodel` names.

        Raises:
            ModelError: It is not there, or leads out of the model's folder.
        """
        path = (self.path / name).resolve()
        if not path.is_relative_to(self.path.resolve()):
            raise ModelError(f"{self.uri}: {MLMODEL_FILE} names {name!r}, which leads out of the folder")
        if not path.exists():
            raise ModelError(f"{self.uri}: {MLMODEL_FILE} names {name!r}, but {self.path} has no such file")
        return path

    def origin(self) -> str:
        """Say in words where the model comes from, for messages."""
        parts = [f"saved {self.page['utc_time_created']} UTC" if self.page.get("utc_time_created") else ""]
        parts.append(f"by run {self.run_id}" if self.run_id else "by no known run")
        return f"{self.uri} in {self.path} ({' '.join(filter(None, parts))})"


def open_model(uri: str | os.PathLike[str] | StoredModel, *, history: History | None = None) -> StoredModel:
    """Open a model for reading, without loading it.

    Args:
        uri: As `locate` takes it.
        history: Where runs and registered models are looked up. Default: what the settings name.

    Raises:
        ModelError: There is no such model, or its page cannot be read.
    """
    return uri if isinstance(uri, StoredModel) else StoredModel(locate(uri, history=history))


def _read_page(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise MissingDependencyError("yaml", "models") from error
    try:
        page = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if not isinstance(page, dict) or not isinstance(page.get("flavors"), dict):
        raise ModelError(f"{path} is no MLmodel page: it has no mapping `flavors`")
    return page
