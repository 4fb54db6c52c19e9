"""What reading the registry returns: frozen structs of builtins. Times are nanoseconds since the epoch."""

from __future__ import annotations

from typing import Any

import msgspec

from autotrack.store.registry.rules import NO_STAGE, READY


class DataUse(msgspec.Struct, frozen=True):
    """Data that went into the run of a version; see `records.DatasetLogged`."""

    name: str
    context: str
    digest: str


class Lineage(msgspec.Struct, frozen=True):
    """Where a version came from, as it was known when the version was registered.

    Attributes:
        run_name: Of the run that made it.
        experiment: Of that run.
        data: Fingerprints of the data that went into the run.
        git_commit: Of the code of the run.
        git_branch: Likewise.
        git_remote: URL of the repository.
        git_dirty: Whether tracked files differed from the commit; None where that is not known.
        script: What was started.
    """

    run_name: str | None = None
    experiment: str | None = None
    data: tuple[DataUse, ...] = ()
    git_commit: str | None = None
    git_branch: str | None = None
    git_remote: str | None = None
    git_dirty: bool | None = None
    script: str | None = None


class NewVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version that is about to get its number.

    Attributes:
        source: Where the model's folder is: `runs:/<run id>/<path>`, a path or another URI.
        run_id: The run that made it.
        run_link: Where that run can be looked at, if not in this store.
        logged_model: Id of the model within its run; MLflow calls it `model_id`.
        status: "READY", "PENDING_REGISTRATION" or "FAILED_REGISTRATION".
        flavors: Keys of the MLmodel file's flavors.
        signature: Its `inputs`, `outputs` and `params` as JSON texts.
    """

    source: str
    run_id: str | None = None
    run_link: str | None = None
    logged_model: str | None = None
    description: str = ""
    status: str = READY
    status_message: str | None = None
    flavors: tuple[str, ...] = ()
    signature: dict[str, Any] | None = None
    lineage: Lineage = Lineage()
    tags: dict[str, str] = {}


class ModelVersion(NewVersion, frozen=True, kw_only=True):
    """A version of a registered model: what `NewVersion` says of it, and what became of it since.

    Attributes:
        name: Of the registered model.
        version: Number, from 1; no number is given twice within a model.
        stage: "None", "Staging", "Production" or "Archived".
        aliases: In alphabetical order.
        user: Who registered it.
        created: When.
        updated: When anything of it changed last.
    """

    name: str
    version: int
    stage: str = NO_STAGE
    aliases: tuple[str, ...] = ()
    user: str | None = None
    created: int
    updated: int

    @property
    def uri(self) -> str:
        """What `autotrack.models.load` takes: `models:/<name>/<version>`."""
        return f"models:/{self.name}/{self.version}"


class RegisteredModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model with a name, under which versions are collected.

    Attributes:
        description: Markdown.
        versions: How many there are.
        last_version: The greatest number given so far, to a version that may be deleted; 0 before the first.
        aliases: Version of each alias.
        stages: The latest version in each stage that has one, "None" included.
        created: When it was made.
        updated: When anything of it or of its versions changed last.
    """

    name: str
    description: str
    versions: int
    last_version: int
    aliases: dict[str, int]
    stages: dict[str, int]
    tags: dict[str, str]
    created: int
    updated: int


class Change(msgspec.Struct, frozen=True):
    """One entry of the history of a registered model.

    Attributes:
        kind: "created", "version", "stage", "alias", "tag", "description", "renamed" or "deleted".
        version: What it was about; None for the model itself.
        key: The alias or the tag.
        before: Value until then; None where there was none.
        after: Value since then; None where it was taken away.
    """

    kind: str
    version: int | None
    key: str | None
    before: str | None
    after: str | None
    user: str | None
    time: int
