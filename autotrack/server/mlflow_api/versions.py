"""Versions of registered models: create, get, search, change, delete, stages and tags."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from autotrack.errors import RunNotFoundError
from autotrack.server.caller import ADMIN
from autotrack.server.mlflow_api.endpoint import Call, Endpoint, anywhere, reads, writes
from autotrack.server.mlflow_api.filters import NUMBER, TIME, Attribute, Grammar, parse_filter, parse_order
from autotrack.server.mlflow_api.model_messages import model_message
from autotrack.server.mlflow_api.protocol import ProtocolError
from autotrack.server.mlflow_api.registry import PROMPT, OfRegistered, VersionNumber
from autotrack.server.mlflow_api.registry_messages import version_message
from autotrack.server.mlflow_api.requests import Key, TagField, one_page
from autotrack.store.registry import models, reading, versions
from autotrack.store.registry.lineage import read_lineage
from autotrack.store.registry.rows import Lineage, ModelVersion, NewVersion
from autotrack.store.tracking.logged_models import get_model
from autotrack.store.tracking.model_search import search_versions

VERSIONS = Grammar(
    {
        "name": Attribute("name", lists=True),
        "run_id": Attribute("run_id", lists=True),
        "source_path": Attribute("source_path"),
        "version_number": Attribute("version_number", NUMBER),
        "creation_timestamp": Attribute("created", TIME),
        "last_updated_timestamp": Attribute("updated", TIME),
    },
    ("tag",),
    hidden=PROMPT,
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # one letter is a drive of Windows
_LOGGED = re.compile(r"models:/(m-[0-9a-f]{32})(?:/.*)?", re.DOTALL)
_VERSION = re.compile(r"models:/(?P<name>[^/@]+)/(?P<version>[0-9]+)")


class Create(OfRegistered):
    """Make a version."""

    source: Annotated[str, Meta(min_length=1, max_length=10_000)]
    run_id: str = ""
    tags: list[TagField] = msgspec.field(default_factory=list)
    run_link: str = ""
    description: str = ""
    model_id: str = ""


class OfVersion(OfRegistered):
    """A request about a version."""

    version: VersionNumber


class Update(OfVersion):
    """Describe a version."""

    description: str = ""


class Transition(OfVersion):
    """Move a version into another stage."""

    stage: Annotated[str, Meta(min_length=1)]
    archive_existing_versions: bool = False


class SetTag(OfVersion):
    """Set a tag."""

    key: Key
    value: str = ""


class DeleteTag(OfVersion):
    """Remove a tag."""

    key: Key


class Search(msgspec.Struct):
    """Find versions."""

    filter: str = ""
    max_results: Annotated[int, Meta(ge=1, le=200_000)] = 10_000
    order_by: list[str] = []
    page_token: str = ""


def create(call: Call, asked: Create) -> Any:
    """Make a version."""
    new = NewVersion(
        source=_checked_source(asked.source),
        run_id=asked.run_id or None,
        run_link=asked.run_link or None,
        logged_model=asked.model_id or None,
        description=asked.description,
        tags={tag.key: tag.value for tag in asked.tags},
        lineage=_lineage(call, asked.run_id),
    )
    return {
        "model_version": version_message(versions.create_version(call.store, asked.name, new, user=call.caller.name))
    }


def _checked_source(source: str) -> str:
    """Return where a version's files are, unless that is a path of this machine or one that leads out of somewhere."""
    if _SCHEME.match(source) is None or source.lower().startswith("file:"):
        raise ProtocolError("the source of a version is a URI such as runs:/<run id>/model, and no path of a machine")
    if any(part in {"..", "%2e%2e"} for part in re.split(r"[/\\?#]", source.lower())):
        raise ProtocolError("the source of a version holds '..'")
    return source


def _lineage(call: Call, run_id: str) -> Lineage:
    try:
        return read_lineage(call.store, run_id) if run_id else Lineage()
    except RunNotFoundError:  # of another server
        return Lineage()


def get(call: Call, asked: OfVersion) -> Any:
    """Read a version."""
    return _answer(call, asked)


def get_download_uri(call: Call, asked: OfVersion) -> Any:
    """Say where the files of a version are."""
    return {"artifact_uri": _location(call, _find(call, asked).source)}


def _location(call: Call, source: str) -> str:
    """Follow a source that names a model of this server to where its files are."""
    if match := _LOGGED.fullmatch(source):
        model = get_model(call.connection, match[1], deleted=True)
        return model_message(model).info.artifact_uri
    if match := _VERSION.fullmatch(source):
        copied = reading.find_version(call.store, match["name"], version=int(match["version"]))
        return _location(call, copied.source)
    return source


def update(call: Call, asked: Update) -> Any:
    """Describe a version."""
    models.annotate(call.store, asked.name, asked.description, version=asked.version, user=call.caller.name)
    return _answer(call, asked)


def transition(call: Call, asked: Transition) -> Any:
    """Move a version into another stage."""
    versions.transition(
        call.store,
        asked.name,
        asked.version,
        asked.stage,
        archive_existing=asked.archive_existing_versions,
        user=call.caller.name,
    )
    return _answer(call, asked)


def delete(call: Call, asked: OfVersion) -> None:
    """Delete a version."""
    versions.delete_version(call.store, asked.name, asked.version, user=call.caller.name)


def set_tag(call: Call, asked: SetTag) -> None:
    """Set a tag."""
    models.set_tag(call.store, asked.name, asked.key, asked.value, version=asked.version, user=call.caller.name)


def delete_tag(call: Call, asked: DeleteTag) -> None:
    """Remove a tag."""
    models.set_tag(call.store, asked.name, asked.key, None, version=asked.version, user=call.caller.name)


def search(call: Call, asked: Search) -> Any:
    """Find versions."""
    condition, order = parse_filter(asked.filter, VERSIONS), parse_order(asked.order_by, VERSIONS)
    find = partial(search_versions, call.connection, condition, order)
    return one_page("model_versions", asked, find, lambda page: list(map(version_message, page)))


def _find(call: Call, asked: OfVersion) -> ModelVersion:
    return reading.find_version(call.store, asked.name, version=asked.version)


def _answer(call: Call, asked: OfVersion) -> Any:
    return {"model_version": version_message(_find(call, asked))}


ENDPOINTS: list[Endpoint] = [
    writes("model-versions/create", Create, create, anywhere),
    reads("model-versions/get", OfVersion, get, anywhere),
    reads("model-versions/get-download-uri", OfVersion, get_download_uri, anywhere),
    reads("model-versions/search", Search, search, anywhere),
    writes("model-versions/update", Update, update, anywhere, method="PATCH"),
    writes("model-versions/transition-stage", Transition, transition, anywhere),
    writes("model-versions/delete", OfVersion, delete, anywhere, method="DELETE", role=ADMIN),
    writes("model-versions/set-tag", SetTag, set_tag, anywhere),
    writes("model-versions/delete-tag", DeleteTag, delete_tag, anywhere, method="DELETE"),
]
