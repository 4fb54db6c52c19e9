"""The registry of models: give a model of a run a name and a number, say which one is in use, and compare.

It lives in the store of the runs. Names and semantics are those of MLflow's registry.

Example:
    >>> from autotrack.models import registry
    >>> version = registry.register("@last", "churn")  # doctest: +SKIP
    >>> registry.set_alias("churn", "champion", version.version)  # doctest: +SKIP
    >>> registry.find_version("churn", alias="champion").source  # doctest: +SKIP
    'runs:/18a0.../model'
"""

from __future__ import annotations

from autotrack.models.registry.changing import (
    annotate,
    create,
    delete,
    delete_alias,
    register,
    rename,
    set_alias,
    set_tag,
    transition,
)
from autotrack.models.registry.finding import (
    changes,
    compare,
    find_version,
    get,
    search_models,
    search_versions,
    versions,
)
from autotrack.store.registry.comparison import VersionComparison
from autotrack.store.registry.rows import Change, ModelVersion, RegisteredModel

__all__ = [
    "Change",
    "ModelVersion",
    "RegisteredModel",
    "VersionComparison",
    "annotate",
    "changes",
    "compare",
    "create",
    "delete",
    "delete_alias",
    "find_version",
    "get",
    "register",
    "rename",
    "search_models",
    "search_versions",
    "set_alias",
    "set_tag",
    "transition",
    "versions",
]
