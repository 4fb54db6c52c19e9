"""What the store knows of files of runs and logged models; the bytes are elsewhere, in a folder for each owner."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, delete, or_, select

from autotrack.errors import ModelNotFoundError
from autotrack.store.rows import ArtifactRow
from autotrack.store.schema import artifact
from autotrack.store.statements import put
from autotrack.store.tracking.runs import find_run
from autotrack.store.tracking.tables import logged_model, logged_model_file


class Owner(NamedTuple):
    """What files belong to.

    Attributes:
        kind: "run" or "model".
        row: In the store.
        uid: Its id.
        deleted: Whether it is a deleted run, whose files do not change; those of a model outlive its deletion.
    """

    kind: str
    row: int
    uid: str
    experiment_id: int
    deleted: bool = False

    @property
    def folder(self) -> str:
        """Where its files are, below the folder of all files."""
        return self.uid if self.kind == "run" else f"models/{self.uid}"


def run_owner(connection: Connection, uid: str) -> Owner:
    """Find a run by its id.

    Raises:
        RunNotFoundError: There is none.
    """
    found = find_run(connection, uid)
    return Owner("run", found.row, uid, found.experiment_id, found.deleted)


def model_owner(connection: Connection, uid: str) -> Owner:
    """Find a logged model by its id; its files outlive its deletion.

    Raises:
        ModelNotFoundError: There is none.
    """
    columns = select(logged_model.c.id, logged_model.c.experiment_id).where(logged_model.c.uid == uid)
    found = connection.execute(columns).first()
    if found is None:
        raise ModelNotFoundError(f"no logged model {uid!r}")
    return Owner("model", found.id, uid, found.experiment_id)


def add_file(connection: Connection, owner: Owner, path: str, size: int, sha256: str | None) -> None:
    """Note a file; one of the same path is replaced."""
    table, column = _table(owner)
    row = {column: owner.row, "path": path, "size": size, "sha256": sha256, "time": time.time_ns()}
    put(connection, table, [row])


def get_file(connection: Connection, owner: Owner, path: str) -> ArtifactRow | None:
    """Read what is known of a file; None where there is none."""
    table, column = _table(owner)
    found = connection.execute(_columns(table).where(table.c[column] == owner.row, table.c.path == path)).first()
    return None if found is None else ArtifactRow(*found)


def list_files(connection: Connection, owner: Owner, folder: str = "") -> list[ArtifactRow]:
    """Read what is known of the files below a folder, by path."""
    table, column = _table(owner)
    statement = _columns(table).where(table.c[column] == owner.row).order_by(table.c.path)
    if folder:
        statement = statement.where(table.c.path.startswith(f"{folder}/", autoescape=True))
    return [ArtifactRow(*row) for row in connection.execute(statement)]


def remove_files(connection: Connection, owner: Owner, path: str) -> None:
    """Forget a file, or all below a folder."""
    table, column = _table(owner)
    below = table.c.path.startswith(f"{path}/", autoescape=True) if path else table.c.path.is_not(None)
    connection.execute(delete(table).where(table.c[column] == owner.row, or_(table.c.path == path, below)))


def _table(owner: Owner) -> tuple[Table, str]:
    return (artifact, "run_id") if owner.kind == "run" else (logged_model_file, "model_id")


def _columns(table: Table) -> Any:
    return select(*(table.c[name] for name in ArtifactRow.__struct_fields__))
