"""Look into the registry: models, their versions, history, and two versions beside each other."""

from __future__ import annotations

from autotrack.history import History, current_history
from autotrack.models.registry.reference import parse_reference
from autotrack.store.registry import reading, search
from autotrack.store.registry.comparison import VersionComparison, compare_versions
from autotrack.store.registry.rows import Change, ModelVersion, RegisteredModel


def get(name: str, *, history: History | None = None) -> RegisteredModel:
    """Return a registered model.

    Raises:
        ModelNotFoundError: There is none of this name.
    """
    with (history or current_history()).reading() as store:
        return reading.get_model(store, name)


def versions(name: str, *, history: History | None = None) -> list[ModelVersion]:
    """Return all versions of a model, the latest first.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    with (history or current_history()).reading() as store:
        return reading.list_versions(store, name)


def find_version(
    name: str,
    *,
    version: int | None = None,
    alias: str | None = None,
    stage: str | None = None,
    history: History | None = None,
) -> ModelVersion:
    """Return one version of a model: by number, by alias, the latest of a stage, or the latest of all.

    Args:
        name: Of the model.
        version: Its number.
        alias: An alias; "latest" is the version with the greatest number.
        stage: "None", "Staging", "Production" or "Archived", in any case.
        history: Where; by default what the settings name.

    Raises:
        ModelNotFoundError: There is none.
        RegistryError: More than one of the three is given, or there is no such stage.
    """
    with (history or current_history()).reading() as store:
        return reading.find_version(store, name, version=version, alias=alias, stage=stage)


def search_models(
    filter: str | None = None,  # noqa: A002 - the word users know
    *,
    order_by: str | None = None,
    limit: int | None = None,
    history: History | None = None,
) -> list[RegisteredModel]:
    """Return registered models, by name.

    Args:
        filter: Such as `name like "churn%" and tags.team = "risk"`; fields are `name versions created updated
            alias` and `tags.<key>`.
        order_by: Such as "updated desc".
        limit: How many at most.
        history: Where; by default what the settings name.

    Raises:
        FilterError: It cannot be read; the message points at the column.
    """
    with (history or current_history()).reading() as store:
        return search.search_models(store, filter, order_by=order_by, limit=limit)


def search_versions(
    filter: str | None = None,  # noqa: A002 - the word users know
    *,
    order_by: str | None = None,
    limit: int | None = None,
    history: History | None = None,
) -> list[ModelVersion]:
    """Return versions of all models, the latest registered first.

    Args:
        filter: Such as `name = "churn" and stage = "Production" and metrics.test_f1_score > 0.9`; fields are
            `name version stage user source run_id experiment created updated alias`, `tags.<key>`, and of the run
            `metrics.<key>` and `params.<key>`.
        order_by: Such as "metrics.test_f1_score desc".
        limit: How many at most.
        history: Where; by default what the settings name.

    Raises:
        FilterError: It cannot be read; the message points at the column.
    """
    with (history or current_history()).reading() as store:
        return search.search_versions(store, filter, order_by=order_by, limit=limit)


def changes(name: str, version: int | None = None, *, history: History | None = None) -> list[Change]:
    """Return who changed what of a model, or of one of its versions, and when; the latest first.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    with (history or current_history()).reading() as store:
        return reading.history(store, name, version)


def compare(before: str, after: str, *, history: History | None = None) -> VersionComparison:
    """Compare two versions, of one model or of two: params, metrics, evaluation, signature and lineage.

    Args:
        before: Such as "churn/3", "churn@champion" or "churn/Production"; "churn" alone is its latest version.
        after: Likewise.
        history: Where; by default what the settings name.

    Raises:
        ModelNotFoundError: There is no such version.
        RegistryError: A text names no version.
    """
    wanted = [parse_reference(text) for text in (before, after)]
    with (history or current_history()).reading() as store:
        found = [reading.find_version(store, one.name, **one.selector()) for one in wanted]
        return compare_versions(store, *found)
