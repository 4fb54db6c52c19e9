"""Model folders as MLflow's logged models, so that its page shows them, and their versions in its registry on request.

Neither a logged model nor a version can be made "again": each carries our id as a tag and is looked for first. A server
older than MLflow 3 knows no logged models; there the folder becomes a folder of the run, as it was the custom then.
"""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path
from typing import Any

import msgspec

from autotrack.backends.mlflow.artifacts import ArtifactStore
from autotrack.backends.mlflow.client import MlflowClient
from autotrack.backends.mlflow.errors import RefusedError, UnknownRouteError
from autotrack.backends.mlflow.limits import model_name
from autotrack.backends.mlflow.sessions import RunSession
from autotrack.records import ModelLogged

MLMODEL = "MLmodel"
MODEL_ID = "autotrack.model_id"
REGISTER_AS = "autotrack.registered_model_name"
"""Tag of a run whose models become versions of the registered model that it names."""

VERSIONS = "mlflow.modelVersions"
READY = "LOGGED_MODEL_READY"
_OURS = re.compile(r'^"(run_id|model_id)": "(.*)"$', re.MULTILINE)


def is_model_file(root: Path, path: str, run_id: str) -> bool:
    """Say whether a file of a run belongs to a model folder of that run, which is sent as a whole."""
    return any(_ids(root / parent / MLMODEL).get("run_id") == run_id for parent in Path(path).parents)


def unfinished_models(root: Path, run_id: str, sent: Container[str]) -> list[str]:
    """List the files of model folders whose `ModelLogged` never came, because the process was killed.

    Args:
        root: Directory of the run's files.
        run_id: The run.
        sent: Ids of the models that came.
    """
    found = [(file.parent, _ids(file)) for file in root.rglob(MLMODEL)]
    left = [folder for folder, ids in found if ids.get("run_id") == run_id and ids.get("model_id") not in sent]
    return sorted(path.relative_to(root).as_posix() for folder in left for path in folder.rglob("*") if path.is_file())


def _ids(file: Path) -> dict[str, str]:
    """Return run and model id in an MLmodel file of ours; nothing for another's file, or none."""
    if not file.is_file():
        return {}
    return {match[1]: match[2] for match in _OURS.finditer(file.read_text(encoding="utf-8", errors="replace"))}


class Models:
    """Sends models to one server.

    Args:
        client: To the server.
        store: Where its files go.
    """

    def __init__(self, client: MlflowClient, store: ArtifactStore) -> None:
        self._client = client
        self._store = store

    def log(self, session: RunSession, model: ModelLogged, root: Path) -> None:
        """Send a model folder.

        Args:
            session: The run.
            model: Its record.
            root: Directory of the run's files.
        """
        folder = root / model.name
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        if not files:
            raise RefusedError(f"the model folder {folder} is gone")
        if _ids(folder / MLMODEL).get("model_id", model.model_id) != model.model_id:
            return  # a later model of the same name stands in its place, with a record of its own
        try:
            remote = self._find(session, model.model_id) or self._create(session, model)
        except UnknownRouteError:
            for file in files:
                self._store.put(session.artifact_uri, file.relative_to(root).as_posix(), file)
            return
        model_id = str(remote["info"]["model_id"])
        for file in files:
            content = _addressed(file, session.run_id, model_id) if file == folder / MLMODEL else file
            self._store.put(remote["info"]["artifact_uri"], file.relative_to(folder).as_posix(), content)
        self._client.post(f"logged-models/{model_id}", {"model_id": model_id, "status": READY}, method="PATCH")
        self._link(session.run_id, model_id)
        session.entry.ids[f"model:{model.model_id}"] = model_id

    def _find(self, session: RunSession, model_id: str) -> dict[str, Any] | None:
        query = {"experiment_ids": [session.experiment_id], "filter": f"tags.`{MODEL_ID}` = '{model_id}'"}
        found = self._client.post("logged-models/search", query).get("models", [])
        return dict(found[0]) if found else None

    def _create(self, session: RunSession, model: ModelLogged) -> dict[str, Any]:
        body = {
            "experiment_id": session.experiment_id,
            "name": model_name(model.name),
            "model_type": next((flavor for flavor in model.flavors if flavor != "python_function"), ""),
            "source_run_id": session.run_id,
            "tags": [{"key": MODEL_ID, "value": model.model_id}],
        }
        return dict(self._client.post("logged-models", body)["model"])

    def _link(self, run_id: str, model_id: str) -> None:
        """Name the model as an output of its run; the server takes that once and calls a second time an error."""
        try:
            self._client.post("runs/outputs", {"run_id": run_id, "models": [{"model_id": model_id, "step": 0}]})
        except RefusedError as error:
            if "UNIQUE" not in str(error).upper():
                raise

    def register(self, session: RunSession, name: str) -> None:
        """Make each model of a run a version of a registered model, unless it is one."""
        ours = {key.removeprefix("model:"): remote for key, remote in session.entry.ids.items() if "model:" in key}
        if not ours:
            return
        try:
            self._client.post("registered-models/create", {"name": name})
        except RefusedError as error:
            if error.code != "RESOURCE_ALREADY_EXISTS":
                raise
        done = self._versions(session.run_id, name)
        for model_id, remote in ours.items():
            if model_id not in done:
                self._add_version(session.run_id, name, model_id, remote)

    def _versions(self, run_id: str, name: str) -> set[str]:
        """Return our ids of the models of a run that are versions already."""
        versions = self._client.get("model-versions/search", {"filter": f"run_id='{run_id}'"}).get("model_versions", [])
        mine = [version for version in versions if version["name"] == name]
        return {tag["value"] for version in mine for tag in version.get("tags", []) if tag["key"] == MODEL_ID}

    def _add_version(self, run_id: str, name: str, model_id: str, remote: str) -> None:
        """Make a model a version, and name the version on the model, where the page looks for it."""
        body = {
            "name": name,
            "source": f"models:/{remote}",
            "run_id": run_id,
            "model_id": remote,
            "tags": [{"key": MODEL_ID, "value": model_id}],
        }
        version = self._client.post("model-versions/create", body)["model_version"]["version"]
        known = msgspec.json.encode([{"name": name, "version": int(version)}]).decode()
        tags = {"model_id": remote, "tags": [{"key": VERSIONS, "value": known}]}
        self._client.post(f"logged-models/{remote}/tags", tags, method="PATCH")


def _addressed(file: Path, run_id: str, model_id: str) -> bytes:
    """Return an MLmodel file with the ids that the server gave to the run and the model."""
    ids = {"run_id": run_id, "model_id": model_id}
    text = file.read_text(encoding="utf-8")
    return _OURS.sub(lambda match: f'"{match[1]}": "{ids[match[1]]}"', text).encode()
