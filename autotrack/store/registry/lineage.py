"""What a version that comes from a run is made of: its model, data and code, copied so that they outlive the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autotrack.errors import ModelNotFoundError, RunNotFoundError
from autotrack.store.registry.rows import DataUse, Lineage, NewVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autotrack.store.rows import ModelRow, RunRow
    from autotrack.store.store import Store

_GIT = "mlflow.source.git."
_SCRIPT = "mlflow.source.name"
_DIRTY = {"true": True, "false": False}


def version_of_run(
    store: Store, run_id: str, model: str | None = None, *, description: str = "", tags: Mapping[str, str] | None = None
) -> NewVersion:
    """Describe a version made from a model of a run.

    Args:
        store: Has the run.
        run_id: The run.
        model: What the model is called within the run; by default the only one, or the one called "model".
        description: Markdown.
        tags: Of the version.

    Raises:
        RunNotFoundError: There is no such run.
        ModelNotFoundError: The run has no such model, or has several and none is named.
    """
    found = _choose(store, store.get_run(run_id), model)
    return NewVersion(
        source=f"runs:/{run_id}/{found.name}",
        run_id=run_id,
        logged_model=found.model_id,
        description=description,
        flavors=tuple(found.flavors),
        signature=found.signature,
        lineage=read_lineage(store, run_id),
        tags=dict(tags or {}),
    )


def read_lineage(store: Store, run_id: str) -> Lineage:
    """Read where a run came from. A child run has code and, where it names none itself, data of the run above it.

    Raises:
        RunNotFoundError: There is no such run.
    """
    line = _ancestry(store, store.get_run(run_id))
    tags = {key: value for run in reversed(line) for key, value in run.tags.items()}
    used = next((data for run in line if (data := store.datasets(run.id))), [])
    return Lineage(
        run_name=line[0].name,
        experiment=line[0].experiment,
        data=tuple(DataUse(data.name, data.context, data.digest) for data in used),
        git_commit=tags.get(f"{_GIT}commit"),
        git_branch=tags.get(f"{_GIT}branch"),
        git_remote=tags.get(f"{_GIT}repoURL"),
        git_dirty=_DIRTY.get(tags.get(f"{_GIT}dirty", "")),
        script=tags.get(_SCRIPT),
    )


def _ancestry(store: Store, run: RunRow) -> list[RunRow]:
    """Read a run and those above it, up to one that is not there."""
    line = [run]
    while (above := line[-1].parent_id) is not None and above not in {one.id for one in line}:
        try:
            line.append(store.get_run(above))
        except RunNotFoundError:
            break
    return line


def _choose(store: Store, run: RunRow, name: str | None) -> ModelRow:
    models = {row.name: row for row in store.models(run.id)}  # of two with the same name the later one
    known = ", ".join(map(repr, models)) or "none"
    if name is not None:
        if name not in models:
            raise ModelNotFoundError(f"run {run.name!r} has no model {name!r}; it has {known}")
        return models[name]
    if len(models) == 1:
        return next(iter(models.values()))
    if "model" in models:
        return models["model"]
    hint = f"; name one of them, as in runs:/{run.id}/{next(iter(models))}" if models else ""
    raise ModelNotFoundError(f"run {run.name!r} has {known} as models: there is nothing to choose{hint}")
