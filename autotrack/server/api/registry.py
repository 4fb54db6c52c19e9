"""What people change of the registry on the pages: versions, aliases, stages, descriptions, tags, names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool

from autotrack.capture.environment import current_user
from autotrack.models import registry
from autotrack.server.context import checked_run_id, library_of, read_json
from autotrack.server.replies import Json, Refused
from autotrack.store.registry.rows import NewVersion
from autotrack.store.registry.versions import create_version
from autotrack.store.tracking.logged_models import get_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from autotrack.history import History

Name = Annotated[str, Meta(min_length=1, max_length=1_000)]
Text = Annotated[str, Meta(max_length=500_000)]


class RegistryEdit(Struct, forbid_unknown_fields=True):
    """One change of a registered model.

    Attributes:
        action: "register" takes `run` and `text`, the name of the model within it, or `text` alone, the id of a model
            that an MLflow client logged; "alias" takes `key`, and `version` or none to take it away; "stage" takes
            `version`, `text` and `archive`; "describe" takes `text`, "tag" takes `key` and `text` or none to take it
            away, both of `version` or of the model; "rename" takes `text`; "delete" takes `version` or nothing.
        model: The name of the registered model.
    """

    action: Literal["register", "alias", "stage", "describe", "tag", "rename", "delete"]
    model: Name
    version: Annotated[int, Meta(ge=1, lt=2**62)] | None = None
    run: str | None = None
    key: Name = "-"
    text: Text | None = None
    archive: bool = False


async def edit_registry(request: Request) -> Response:
    """Make a change; the name of the model comes back, and the number of the version if there is one."""
    edit = await read_json(request, RegistryEdit)
    library = library_of(request)
    name, version = await run_in_threadpool(_CHANGES[edit.action], library.history, edit)
    return Json({"model": name, "version": version})


def _register(history: History, edit: RegistryEdit) -> tuple[str, int | None]:
    if edit.run is None and edit.text:
        return _register_logged(history, edit.model, edit.text)
    source = f"runs:/{checked_run_id(edit.run)}"
    made = registry.register(f"{source}/{edit.text}" if edit.text else source, edit.model, history=history)
    return made.name, made.version


def _register_logged(history: History, name: str, uid: str) -> tuple[str, int | None]:
    """Make a version of a model that an MLflow client logged, in the words in which the client would."""
    with history.writing() as store:
        with store.reading() as connection:
            model = get_model(connection, uid)
        new = NewVersion(source=f"models:/{uid}", run_id=model.run_uid, logged_model=uid)
        made = create_version(store, name, new, user=current_user(), create=True)
    return made.name, made.version


def _alias(history: History, edit: RegistryEdit) -> tuple[str, int | None]:
    if edit.version is None:
        registry.delete_alias(edit.model, edit.key, history=history)
    else:
        registry.set_alias(edit.model, edit.key, edit.version, history=history)
    return edit.model, edit.version


def _stage(history: History, edit: RegistryEdit) -> tuple[str, int | None]:
    if edit.version is None or edit.text is None:
        raise Refused("a stage is that of a version: both are needed")
    registry.transition(edit.model, edit.version, edit.text, archive_existing=edit.archive, history=history)
    return edit.model, edit.version


def _describe(history: History, edit: RegistryEdit) -> tuple[str, int | None]:
    registry.annotate(edit.model, edit.text or "", version=edit.version, history=history)
    return edit.model, edit.version


def _tag(history: History, edit: RegistryEdit) -> tuple[str, int | None]:
    registry.set_tag(edit.model, edit.key, edit.text, version=edit.version, history=history)
    return edit.model, edit.version


def _rename(history: History, edit: RegistryEdit) -> tuple[str, int | None]:
    registry.rename(edit.model, edit.text or "", history=history)
    return edit.text or "", None


def _delete(history: History, edit: RegistryEdit) -> tuple[str, int | None]:
    registry.delete(edit.model, version=edit.version, history=history)
    return edit.model, None


_CHANGES: dict[str, Callable[[History, RegistryEdit], tuple[str, int | None]]] = {
    "register": _register,
    "alias": _alias,
    "stage": _stage,
    "describe": _describe,
    "tag": _tag,
    "rename": _rename,
    "delete": _delete,
}
