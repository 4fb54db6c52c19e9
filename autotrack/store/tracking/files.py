"""What the store knows of files of runs and logged models; the bytes are elsewhere, in a folder for each owner."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Table, Text, any_, bindparam, cast, delete, func, null, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from autotrack.errors import ModelNotFoundError, RunNotFoundError
from autotrack.store.columns import encode_text
from autotrack.store.rows import ArtifactRow
from autotrack.store.schema import artifact, run
from autotrack.store.statements import HotStatement, put
from autotrack.store.tracking.tables import logged_model, logged_model_file

RUN, MODEL = "run", "model"


class Owner(NamedTuple):
    """What files belong to.

    Attributes:
        kind: RUN or MODEL.
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
        return self.uid if self.kind == RUN else f"models/{self.uid}"


class NewFile(NamedTuple):
    """A file that is in its place, and is to be known."""

    owner: Owner
    path: str
    size: int
    sha256: str | None


def _by_uids(table: Table, deleted_at: Any, dialect: str) -> Any:
    """Find many with one statement, whose text is the same for any number of ids; they come as one text, in JSON."""
    listed = bindparam("uids", type_=Text)
    if dialect == "postgresql":  # an array, because it reads the whole table to join it with rows of a function
        each = func.jsonb_array_elements_text(cast(listed, JSONB)).table_valued("value")
        among = table.c.uid == any_(func.array(select(each.c.value).scalar_subquery()))
    else:
        among = table.c.uid.in_(select(func.json_each(listed).table_valued("value").c.value))
    return select(table.c.uid, table.c.id, table.c.experiment_id, deleted_at).where(among)


_OWNERS = {
    RUN: HotStatement(partial(_by_uids, run, run.c.deleted_at)),
    MODEL: HotStatement(partial(_by_uids, logged_model, null())),
}


def find_owners(connection: Connection, kind: str, uids: Iterable[str]) -> dict[str, Owner]:
    """Find runs, or logged models, by their ids; those that there are."""
    wanted = {encode_text(uid): uid for uid in uids}
    found = _OWNERS[kind](connection, {"uids": msgspec.json.encode([*wanted]).decode()}).fetchall()
    return {
        wanted[uid]: Owner(kind, row, wanted[uid], experiment_id, deleted is not None)
        for uid, row, experiment_id, deleted in found
    }


def owner_of(connection: Connection, kind: str, uid: str) -> Owner:
    """Find a run, or a logged model, by its id.

    Raises:
        RunNotFoundError: There is no such run.
        ModelNotFoundError: There is no such model.
    """
    return known(find_owners(connection, kind, [uid]), kind, uid)


def known(owners: Mapping[str, Owner], kind: str, uid: str) -> Owner:
    """Pick an owner out of those that were found.

    Raises:
        RunNotFoundError: It is a run, and not among them.
        ModelNotFoundError: It is a model, and not among them.
    """
    if uid in owners:
        return owners[uid]
    raise RunNotFoundError(f"no run {uid!r}") if kind == RUN else ModelNotFoundError(f"no logged model {uid!r}")


def add_files(connection: Connection, files: Iterable[NewFile]) -> None:
    """Note files; one of the same path is replaced."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for owner, path, size, sha256 in files:
        row = {_table(owner)[1]: owner.row, "path": path, "size": size, "sha256": sha256, "time": time.time_ns()}
        tables.setdefault(owner.kind, []).append(row)
    for kind, rows in tables.items():
        put(connection, artifact if kind == RUN else logged_model_file, rows)


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
    return (artifact, "run_id") if owner.kind == RUN else (logged_model_file, "model_id")


def _columns(table: Table) -> Any:
    return select(*(table.c[name] for name in ArtifactRow.__struct_fields__))
