"""The models of a run as its page shows them: those that autotrack saved, and those that MLflow clients logged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from starlette.exceptions import HTTPException

from autotrack.errors import StoreUnavailableError
from autotrack.server.artifacts import file_id, read_artifact
from autotrack.server.mlmodel_text import read_flavors, read_signature
from autotrack.server.registry_view import signature_parts
from autotrack.server.replies import Refused
from autotrack.server.snippets import curl_snippet, mlflow_curl_snippet, mlflow_snippet, python_snippet
from autotrack.store.registry.reading import versions_of_run
from autotrack.store.registry.rows import ModelVersion
from autotrack.store.tracking.files import Owner, list_files
from autotrack.store.tracking.logged_models import SELECT_MODELS, LoggedModel, read_models
from autotrack.store.tracking.tables import logged_model

if TYPE_CHECKING:
    from autotrack.server.library import Library
    from autotrack.store.rows import ArtifactRow, ModelRow, NoteRow
    from autotrack.store.store import Store

FORMAT_NOTE = "model.format"
NEEDS_TRUST = "; load it with trust=True"
NATIVE = "its library's own format, which holds no code"
CLIENT = "an MLflow client chose it"
MLMODEL = "MLmodel"
MLMODEL_BYTES = 1 << 18


class ModelFile(msgspec.Struct, frozen=True):
    """A file of a model; `link` leads to it, and `is_download` says that the browser saves it."""

    path: str
    size: int
    sha256: str | None
    link: str
    is_download: bool = False


class RunModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model of a run.

    Attributes:
        title: What it is called.
        reference: What to register it by: the name of a model that autotrack saved, the id of one of an MLflow client.
        kinds: Its flavors, or what the client calls it.
        format: In which format it is, and why.
        trust: Whether loading it runs code of the file.
        signature: Names and types of its columns, by "inputs", "outputs" and "params".
        facts: What else is known, such as params and metrics of the model itself.
        snippets: Code to copy, with titles.
        versions: The versions that were registered from it.
    """

    title: str
    reference: str
    model_id: str
    kinds: list[str]
    size: int
    format: str
    trust: bool
    signature: list[tuple[str, list[tuple[str, str]]]]
    facts: list[tuple[str, str]]
    files: list[ModelFile]
    snippets: list[tuple[str, str]]
    versions: list[ModelVersion]


def read_run_models(library: Library, run_id: str) -> list[RunModel]:
    """Read the models of a run.

    Raises:
        RunNotFoundError: There is no such run.
    """
    with library.reading() as store:
        versions, notes, files = versions_of_run(store, run_id), store.notes(run_id), store.artifacts(run_id)
        own = [_own(run_id, row, notes, files, versions) for row in store.models(run_id)]
        logged = _logged(store, run_id)
    texts = [_mlmodel(library, owner, found) for _, owner, found in logged]
    return own + [
        _of_client(run_id, model, found, text, versions) for (model, _, found), text in zip(logged, texts, strict=True)
    ]


def find_model_file(library: Library, run_id: str, model_id: str, wanted: str) -> tuple[str, ArtifactRow]:
    """Find a file of a model that an MLflow client logged in a run, by ids; return its folder too.

    Raises:
        HTTPException: The run has no such model, or the model no such file.
    """
    with library.reading() as store:
        logged = _logged(store, run_id)
    for model, owner, files in logged:
        for file in files:
            if model.uid == model_id and file_id(file.path) == wanted:
                return owner.folder, file
    raise HTTPException(404)


def _logged(store: Store, run_id: str) -> list[tuple[LoggedModel, Owner, list[ArtifactRow]]]:
    with store.reading() as connection:
        here = (logged_model.c.run_uid == run_id, logged_model.c.deleted_at.is_(None))
        models = read_models(connection, SELECT_MODELS.where(*here).order_by(logged_model.c.created))
        owners = [Owner("model", model.id, model.uid, model.experiment_id) for model in models]
        return [(model, owner, list_files(connection, owner)) for model, owner in zip(models, owners, strict=True)]


def _mlmodel(library: Library, owner: Owner, files: Sequence[ArtifactRow]) -> str:
    """Read the `MLmodel` file of a model; an empty text where this server has none."""
    found = next((file for file in files if file.path == MLMODEL), None)
    try:
        content = read_artifact(library, owner.folder, found, MLMODEL_BYTES) if found else b""
    except (Refused, StoreUnavailableError):  # the page shows what the store knows
        return ""
    return content.decode("utf-8", "replace")


def count_models(store: Store, run_id: str) -> int:
    """Count the models of a run."""
    with store.reading() as connection:
        here = (logged_model.c.run_uid == run_id, logged_model.c.deleted_at.is_(None))
        logged = connection.execute(SELECT_MODELS.with_only_columns(logged_model.c.id).where(*here)).all()
    return len(store.models(run_id)) + len(logged)


def format_of(name: str, notes: Sequence[NoteRow]) -> tuple[str, bool]:
    """Return the format of a model that autotrack saved, with the reason, and whether loading it runs code."""
    start = f"{name}: "
    said = [note.message for note in notes if note.code == FORMAT_NOTE and note.message.startswith(start)]
    if not said:
        return NATIVE, False
    text = said[-1].removeprefix(start)
    return text.removesuffix(NEEDS_TRUST), text.endswith(NEEDS_TRUST)


def _own(
    run_id: str,
    row: ModelRow,
    notes: Sequence[NoteRow],
    files: Sequence[ArtifactRow],
    versions: Sequence[ModelVersion],
) -> RunModel:
    uri, folder = f"runs:/{run_id}/{row.name}", f"{row.name}/"
    reason, trust = format_of(row.name, notes)
    return RunModel(
        title=row.name,
        reference=row.name,
        model_id=row.model_id,
        kinds=row.flavors,
        size=row.size,
        format=reason,
        trust=trust,
        signature=signature_parts(row.signature),
        facts=[],
        files=[
            ModelFile(
                file.path.removeprefix(folder), file.size, file.sha256, f"/runs/{run_id}/files/{file_id(file.path)}"
            )
            for file in files
            if file.path.startswith(folder)
        ],
        snippets=[
            ("Load it", python_snippet(uri, uri, trust=trust)),
            ("Serve and call it", curl_snippet(uri, row.signature, trust=trust)),
        ],
        versions=[version for version in versions if version.logged_model == row.model_id or version.source == uri],
    )


def _of_client(
    run_id: str, model: LoggedModel, files: Sequence[ArtifactRow], mlmodel: str, versions: Sequence[ModelVersion]
) -> RunModel:
    flavors, signature = read_flavors(mlmodel), read_signature(mlmodel)
    metrics = {metric.key: metric.value for metric in model.metrics}
    status = [] if model.status == "LOGGED_MODEL_READY" else [("status", model.status_message or model.status)]
    place = [("files at", model.artifact_uri)] if model.artifact_uri else []
    return RunModel(
        title=model.name or model.uid,
        reference=model.uid,
        model_id=model.uid,
        kinds=flavors or ([model.kind] if model.kind else []),
        size=sum(file.size for file in files),
        format=CLIENT,
        trust=True,
        signature=signature_parts(signature),
        facts=[
            *status,
            *place,
            *((f"param {key}", value) for key, value in model.params.items()),
            *((f"metric {key}", json.dumps(value)) for key, value in metrics.items()),
        ],
        files=[
            ModelFile(
                file.path,
                file.size,
                file.sha256,
                f"/runs/{run_id}/models/{model.uid}/{file_id(file.path)}",
                is_download=True,
            )
            for file in files
        ],
        snippets=[
            ("Load it", mlflow_snippet(model.uid, flavors)),
            ("Serve and call it", mlflow_curl_snippet(model.uid, signature)),
        ],
        versions=[version for version in versions if version.logged_model == model.uid],
    )
