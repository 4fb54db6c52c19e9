"""Registered models: create, get, search, change, delete, tags, aliases and latest versions."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from autotrack.errors import ModelNotFoundError
from autotrack.server.caller import ADMIN
from autotrack.server.mlflow_api.endpoint import Call, Endpoint, anywhere, reads, writes
from autotrack.server.mlflow_api.filters import TIME, Attribute, Grammar, parse_filter, parse_order
from autotrack.server.mlflow_api.protocol import ProtocolError
from autotrack.server.mlflow_api.registry_messages import registered_message, version_message
from autotrack.server.mlflow_api.requests import Key, TagField, one_page
from autotrack.store.registry import models, reading, versions
from autotrack.store.registry.rows import ModelVersion, RegisteredModel
from autotrack.store.registry.rules import checked_stage
from autotrack.store.tracking.model_search import search_registered

PROMPT = "mlflow.prompt.is_prompt"
"""Tag of registered models that are prompts, and of their versions."""

MODELS = Grammar(
    {
        "name": Attribute("name"),
        **dict.fromkeys(("creation_timestamp",), Attribute("created", TIME)),
        **dict.fromkeys(("last_updated_timestamp", "timestamp"), Attribute("updated", TIME)),
    },
    ("tag",),
    hidden=PROMPT,
)
VersionNumber = Annotated[int, Meta(ge=0, le=2**62)]


class OfRegistered(msgspec.Struct):
    """A request about a registered model."""

    name: Annotated[str, Meta(min_length=1)]


class Create(OfRegistered):
    """Make a model."""

    tags: list[TagField] = msgspec.field(default_factory=list)
    description: str = ""


class Rename(OfRegistered):
    """Give a model another name."""

    new_name: str = ""


class Update(OfRegistered):
    """Describe a model."""

    description: str = ""


class SetTag(OfRegistered):
    """Set a tag."""

    key: Key
    value: str = ""


class DeleteTag(OfRegistered):
    """Remove a tag."""

    key: Key


class OfAlias(OfRegistered):
    """A request about an alias."""

    alias: Annotated[str, Meta(min_length=1)]


class SetAlias(OfAlias):
    """Let an alias stand for a version."""

    version: VersionNumber


class Latest(OfRegistered):
    """Get the latest version in each of some stages."""

    stages: list[str] = msgspec.field(default_factory=list)


class Search(msgspec.Struct):
    """Find models."""

    filter: str = ""
    max_results: Annotated[int, Meta(ge=1, le=1_000)] = 100
    order_by: list[str] = []
    page_token: str = ""


def create(call: Call, asked: Create) -> Any:
    """Make a model."""
    tags = {tag.key: tag.value for tag in asked.tags}
    models.create_model(call.store, asked.name, description=asked.description, tags=tags, user=call.caller.name)
    return _answer(call, asked.name)


def get(call: Call, asked: OfRegistered) -> Any:
    """Read a model."""
    return _answer(call, asked.name)


def rename(call: Call, asked: Rename) -> Any:
    """Give a model another name."""
    models.rename_model(call.store, asked.name, asked.new_name, user=call.caller.name)
    return _answer(call, asked.new_name)


def update(call: Call, asked: Update) -> Any:
    """Describe a model."""
    models.annotate(call.store, asked.name, asked.description, user=call.caller.name)
    return _answer(call, asked.name)


def delete(call: Call, asked: OfRegistered) -> None:
    """Delete a model with its versions."""
    models.delete_model(call.store, asked.name)


def set_tag(call: Call, asked: SetTag) -> None:
    """Set a tag."""
    models.set_tag(call.store, asked.name, asked.key, asked.value, user=call.caller.name)


def delete_tag(call: Call, asked: DeleteTag) -> None:
    """Remove a tag."""
    models.set_tag(call.store, asked.name, asked.key, None, user=call.caller.name)


def set_alias(call: Call, asked: SetAlias) -> None:
    """Let an alias stand for a version."""
    versions.set_alias(call.store, asked.name, asked.alias, asked.version, user=call.caller.name)


def delete_alias(call: Call, asked: OfAlias) -> None:
    """Take an alias away."""
    versions.delete_alias(call.store, asked.name, asked.alias, user=call.caller.name)


def get_by_alias(call: Call, asked: OfAlias) -> Any:
    """Read the version that an alias stands for."""
    reading.get_model(call.store, asked.name)
    try:
        found = reading.find_version(call.store, asked.name, alias=asked.alias)
    except ModelNotFoundError as error:
        raise ProtocolError(str(error)) from error  # MLflow calls that an invalid value
    return {"model_version": version_message(found)}


def get_latest(call: Call, asked: Latest) -> Any:
    """Read the latest version in each of some stages, or in all."""
    model = reading.get_model(call.store, asked.name)
    stages = {checked_stage(stage) for stage in asked.stages} or set(model.stages)
    found = [version for version in _latest(call, model) if version.stage in stages]
    return {"model_versions": list(map(version_message, found))} if found else {}


def search(call: Call, asked: Search) -> Any:
    """Find models."""
    condition, order = parse_filter(asked.filter, MODELS), parse_order(asked.order_by, MODELS)
    find = partial(search_registered, call.connection, condition, order)
    return one_page(
        "registered_models",
        asked,
        find,
        lambda page: [registered_message(model, _latest(call, model)) for model in page],
    )


def _answer(call: Call, name: str) -> Any:
    model = reading.get_model(call.store, name)
    return {"registered_model": registered_message(model, _latest(call, model))}


def _latest(call: Call, model: RegisteredModel) -> list[ModelVersion]:
    """Read the latest version of each stage, by number."""
    numbers = sorted(model.stages.values())
    return [reading.find_version(call.store, model.name, version=number) for number in numbers]


ENDPOINTS: list[Endpoint] = [
    writes("registered-models/create", Create, create, anywhere),
    reads("registered-models/get", OfRegistered, get, anywhere),
    reads("registered-models/search", Search, search, anywhere),
    reads("registered-models/search", Search, search, anywhere, method="POST"),  # as MLflow's client for R asks
    writes("registered-models/rename", Rename, rename, anywhere),
    writes("registered-models/update", Update, update, anywhere, method="PATCH"),
    writes("registered-models/delete", OfRegistered, delete, anywhere, method="DELETE", role=ADMIN),
    writes("registered-models/set-tag", SetTag, set_tag, anywhere),
    writes("registered-models/delete-tag", DeleteTag, delete_tag, anywhere, method="DELETE"),
    writes("registered-models/alias", SetAlias, set_alias, anywhere),
    writes("registered-models/alias", OfAlias, delete_alias, anywhere, method="DELETE"),
    reads("registered-models/alias", OfAlias, get_by_alias, anywhere),
    reads("registered-models/get-latest-versions", Latest, get_latest, anywhere, method="POST"),
    reads("registered-models/get-latest-versions", Latest, get_latest, anywhere),
]
