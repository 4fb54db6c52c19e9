"""What becomes a version of a registered model: a run, a model of a run, another version, or a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotrack.errors import ModelError
from autotrack.models.mlmodel import MLMODEL_FILE
from autotrack.store.registry.lineage import version_of_run
from autotrack.store.registry.reading import find_version
from autotrack.store.registry.rows import NewVersion

if TYPE_CHECKING:
    from autotrack.store.store import Store

_RUN = "runs:/"
_VERSION = re.compile(r"models:/(?P<name>[^/]+)/(?P<version>[0-9]{1,18})|models:/(?P<named>[^/]+)@(?P<alias>[\w-]+)")


def describe(store: Store, model: Any, description: str, tags: Mapping[str, str]) -> NewVersion:
    """Describe the version that a model becomes.

    Args:
        store: Open for reading.
        model: See `registry.register`.
        description: Markdown.
        tags: Of the version.

    Raises:
        RunNotFoundError: There is no such run.
        ModelNotFoundError: The run has no such model, or there is no such version.
        ModelError: The folder holds no model.
    """
    if isinstance(model, os.PathLike):
        return _folder(Path(model), description, tags)
    reference = model if isinstance(model, str) else str(model.id)
    if reference.startswith("models:/"):
        return _copy(store, reference, description, tags)
    if not reference.startswith(_RUN) and (Path(reference).is_dir() or os.sep in reference):
        return _folder(Path(reference), description, tags)
    run, _, name = reference.removeprefix(_RUN).partition("/")
    return version_of_run(store, store.find_run(run).id, name or None, description=description, tags=tags)


def _copy(store: Store, uri: str, description: str, tags: Mapping[str, str]) -> NewVersion:
    """Take over what is known of another version; its aliases, stage and tags stay behind."""
    match = _VERSION.fullmatch(uri)
    if match is None:
        raise ModelError(f"{uri!r} names no version: write models:/<name>/<number> or models:/<name>@<alias>")
    number = int(match["version"]) if match["version"] else None
    found = find_version(store, match["name"] or match["named"], version=number, alias=match["alias"])
    kept = {name: getattr(found, name) for name in NewVersion.__struct_fields__}
    return NewVersion(**{**kept, "description": description or found.description, "tags": dict(tags)})


def _folder(path: Path, description: str, tags: Mapping[str, str]) -> NewVersion:
    if not (path / MLMODEL_FILE).is_file():
        raise ModelError(f"there is no model in {path}: it has no file {MLMODEL_FILE!r}")
    return NewVersion(source=str(path.resolve()), description=description, tags=dict(tags))
