"""What answers about the registry look like."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from autotrack.server.mlflow_api.messages import Pair, milliseconds, pairs
from autotrack.store.registry.rows import ModelVersion, RegisteredModel


class VersionMessage(msgspec.Struct, omit_defaults=True):
    """A version of a registered model."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    current_stage: str
    description: str
    source: str
    run_id: str
    status: str
    run_link: str
    user_id: str | None = None
    status_message: str | None = None
    model_id: str | None = None
    tags: list[Pair] = []
    aliases: tuple[str, ...] = ()


class AliasMessage(msgspec.Struct):
    """An alias with the version that it stands for."""

    alias: str
    version: str


class RegisteredMessage(msgspec.Struct, omit_defaults=True):
    """A registered model."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    latest_versions: list[VersionMessage] = []
    tags: list[Pair] = []
    aliases: list[AliasMessage] = []


def version_message(version: ModelVersion) -> VersionMessage:
    """Describe a version."""
    return VersionMessage(
        name=version.name,
        version=str(version.version),
        creation_timestamp=milliseconds(version.created),
        last_updated_timestamp=milliseconds(version.updated),
        current_stage=version.stage,
        description=version.description,
        source=version.source,
        run_id=version.run_id or "",
        status=version.status,
        run_link=version.run_link or "",
        user_id=version.user,
        status_message=version.status_message,
        model_id=version.logged_model,
        tags=pairs(version.tags),
        aliases=version.aliases,
    )


def registered_message(model: RegisteredModel, latest: Iterable[ModelVersion]) -> RegisteredMessage:
    """Describe a registered model with the latest version of each stage."""
    return RegisteredMessage(
        name=model.name,
        creation_timestamp=milliseconds(model.created),
        last_updated_timestamp=milliseconds(model.updated),
        description=model.description,
        # MLflow names aliases on the model and on a version asked for by itself, but not here.
        latest_versions=[msgspec.structs.replace(version_message(version), aliases=()) for version in latest],
        tags=pairs(model.tags),
        aliases=[AliasMessage(alias, str(version)) for alias, version in model.aliases.items()],
    )
