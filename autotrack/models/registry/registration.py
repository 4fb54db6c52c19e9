"""What becomes a version of a registered model: a run, a model of a run, another version, or a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotrack.errors import ModelError, RunNotFoundError
from autotrack.models.mlmodel import MLMODEL_FILE
from autotrack.models.registry.reference import SCHEME, parse_reference
from autotrack.store.registry.lineage import read_lineage, version_of_run
from autotrack.store.registry.reading import find_version
from autotrack.store.registry.rows import Lineage, NewVersion

if TYPE_CHECKING:
    from autotrack.store.store import Store

_RUN = "runs:/"


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
        return _folder(store, Path(model), description, tags)
    reference = model if isinstance(model, str) else str(model.id)
    if reference.startswith(SCHEME):
        return _copy(store, reference, description, tags)
    if not reference.startswith(_RUN) and (os.sep in reference or Path(reference, MLMODEL_FILE).exists()):
        return _folder(store, Path(reference), description, tags)
    run, _, name = reference.removeprefix(_RUN).partition("/")
    return version_of_run(store, store.find_run(run).id, name or None, description=description, tags=tags)


def _copy(store: Store, uri: str, description: str, tags: Mapping[str, str]) -> NewVersion:
    """Take over what is known of another version; its aliases, stage and tags stay behind."""
    wanted = parse_reference(uri)
    found = find_version(store, wanted.name, **wanted.selector())
    kept = {name: getattr(found, name) for name in NewVersion.__struct_fields__}
    return NewVersion(**{**kept, "description": description or found.description, "tags": dict(tags)})


def _folder(store: Store, path: Path, description: str, tags: Mapping[str, str]) -> NewVersion:
    """Take from the folder's `MLmodel` what it says: its flavors, its signature, and the run that made it."""
    from autotrack.models.stored import open_model

    if not (path / MLMODEL_FILE).is_file():
        raise ModelError(f"there is no model in {str(path)!r}: it has no file {MLMODEL_FILE!r}")
    found = open_model(path)
    return NewVersion(
        source=str(path.resolve()),
        run_id=found.run_id,
        logged_model=found.model_id,
        description=description,
        flavors=tuple(sorted(found.flavors)),
        signature=found.page.get("signature"),
        lineage=_known_lineage(store, found.run_id),
        tags=dict(tags),
    )


def _known_lineage(store: Store, run_id: str | None) -> Lineage:
    try:
        return Lineage() if run_id is None else read_lineage(store, run_id)
    except RunNotFoundError:  # the folder comes from elsewhere
        return Lineage()
