"""Change the registry: register, point aliases, move between stages, tag, describe, rename, delete."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from autotrack.capture.environment import current_user
from autotrack.history import History, current_history
from autotrack.models.registry.registration import describe
from autotrack.models.validation import RejectedModelError, validate
from autotrack.store.registry import models, reading, versions
from autotrack.store.registry.rows import ModelVersion, RegisteredModel

if TYPE_CHECKING:
    from autotrack.run import Run
    from autotrack.stored_run import StoredRun

VALIDATION_TAG = "validation"


def register(
    model: str | os.PathLike[str] | Run | StoredRun,
    name: str,
    *,
    description: str = "",
    tags: Mapping[str, str] | None = None,
    criteria: str | Iterable[str] = (),
    baseline: str | os.PathLike[str] | Run | StoredRun | None = None,
    history: History | None = None,
) -> ModelVersion:
    """Make a version of a registered model, which is created where there is none of this name.

    Args:
        model: A run (itself, its id, the unique beginning of one, its name or "@last"), `runs:/<id>/<model>` where it
            has several models, `models:/<name>/<version>` or `models:/<name>@<alias>` to take a version over, or the
            path of a model folder.
        name: Of the registered model; without "/" and ":".
        description: Markdown.
        tags: Of the version.
        criteria: What its metrics have to be, as `autotrack.validate` takes them; the tag "validation" of the version
            keeps them.
        baseline: The model that criteria compare with.
        history: Where; by default what the settings name.

    Returns:
        The version, with the next number.

    Raises:
        RejectedModelError: It does not meet the criteria; nothing is registered.
        RunNotFoundError: There is no such run.
        ModelNotFoundError: The run has no such model, or there is no such version.
        RegistryError: The name is none.

    Example:
        >>> register("runs:/18a0c1d2/model", "churn").version  # doctest: +SKIP
        1
    """
    history = history or current_history()
    wanted = [criteria] if isinstance(criteria, str) else list(criteria)
    if wanted:
        validation = validate(model, wanted, baseline=baseline, history=history)
        if not validation:
            raise RejectedModelError(f"{name!r} gets no new version:\n{validation}")
        tags = {**(tags or {}), VALIDATION_TAG: str(validation)}
    with history.reading() as store:
        new = describe(store, model, description, tags or {})
    with history.writing() as store:
        return versions.create_version(store, name, new, user=current_user(), create=True)


def create(
    name: str, *, description: str = "", tags: Mapping[str, str] | None = None, history: History | None = None
) -> RegisteredModel:
    """Make a registered model without versions.

    Raises:
        ModelExistsError: The name is taken.
        RegistryError: The name is none.
    """
    with (history or current_history()).writing() as store:
        models.create_model(store, name, description=description, tags=tags, user=current_user())
        return reading.get_model(store, name)


def set_alias(name: str, alias: str, version: int, *, history: History | None = None) -> None:
    """Let an alias stand for a version; it stands for no other any more.

    Raises:
        ModelNotFoundError: There is no such version.
        RegistryError: The alias is none: letters, digits, "_" and "-", and neither "latest" nor like "v1".
    """
    with (history or current_history()).writing() as store:
        versions.set_alias(store, name, alias, version, user=current_user())


def delete_alias(name: str, alias: str, *, history: History | None = None) -> None:
    """Take an alias away; one that is not there is away already.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    with (history or current_history()).writing() as store:
        versions.delete_alias(store, name, alias, user=current_user())


def transition(
    name: str, version: int, stage: str, *, archive_existing: bool = False, history: History | None = None
) -> ModelVersion:
    """Move a version into another stage; `changes` keeps what was before.

    Args:
        name: Of the model.
        version: The version's number.
        stage: "None", "Staging", "Production" or "Archived", in any case.
        archive_existing: Move the other versions of this stage to "Archived".
        history: Where; by default what the settings name.

    Raises:
        ModelNotFoundError: There is no such version.
        RegistryError: There is no such stage, or `archive_existing` is set for one that is not Staging or Production.
    """
    with (history or current_history()).writing() as store:
        versions.transition(store, name, version, stage, archive_existing=archive_existing, user=current_user())
        return reading.find_version(store, name, version=version)


def set_tag(
    name: str, key: str, value: str | None, *, version: int | None = None, history: History | None = None
) -> None:
    """Set a tag of a model, or of one of its versions; None removes it.

    Raises:
        ModelNotFoundError: There is no such model or version.
    """
    with (history or current_history()).writing() as store:
        models.set_tag(store, name, key, value, version=version, user=current_user())


def annotate(name: str, text: str, *, version: int | None = None, history: History | None = None) -> None:
    """Describe a model, or one of its versions, in Markdown; what was there before is kept in `changes`.

    Raises:
        ModelNotFoundError: There is no such model or version.
    """
    with (history or current_history()).writing() as store:
        models.annotate(store, name, text, version=version, user=current_user())


def rename(name: str, new_name: str, *, history: History | None = None) -> None:
    """Give a model another name; its versions, aliases and history go with it.

    Raises:
        ModelNotFoundError: There is no such model.
        ModelExistsError: The name is taken.
        RegistryError: The name is none.
    """
    with (history or current_history()).writing() as store:
        models.rename_model(store, name, new_name, user=current_user())


def delete(name: str, *, version: int | None = None, history: History | None = None) -> None:
    """Delete a version, or a model with all of them and its history. Runs and files stay where they are.

    Raises:
        ModelNotFoundError: There is no such model or version.
    """
    with (history or current_history()).writing() as store:
        if version is None:
            models.delete_model(store, name)
        else:
            versions.delete_version(store, name, version, user=current_user())
