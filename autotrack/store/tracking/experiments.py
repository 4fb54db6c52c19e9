"""Experiments of a server: made, found, renamed, tagged, deleted and restored."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Connection, Select, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from autotrack.errors import ExperimentExistsError, ExperimentNotFoundError
from autotrack.store.columns import decode_text
from autotrack.store.schema import experiment, run
from autotrack.store.statements import HotStatement, add_missing, put
from autotrack.store.tracking.tables import experiment_tag

DEFAULT_ID, DEFAULT_NAME = 0, "Default"
"""The experiment that clients of MLflow's protocol use where they name none."""


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment.

    Attributes:
        artifact_location: Where clients put the files of its runs; None where the server keeps them.
        created: In nanoseconds since the epoch; None for one that no server has made.
        updated: Likewise.
        deleted_at: When it was deleted, or None.
    """

    id: int
    name: str
    artifact_location: str | None
    created: int | None
    updated: int | None
    deleted_at: int | None
    tags: dict[str, str] = {}


class ExperimentKey(NamedTuple):
    """What a change needs to know of an experiment."""

    id: int
    artifact_location: str | None
    deleted: bool


COLUMNS = tuple(experiment.c[name] for name in Experiment.__struct_fields__ if name != "tags")

_FIND = HotStatement(
    lambda _: select(experiment.c.artifact_location, experiment.c.deleted_at).where(
        experiment.c.id == bindparam("id", type_=BigInteger)
    )
)


def add_default_experiment(connection: Connection) -> None:
    """Make the experiment with the id 0, unless there is one."""
    now = time.time_ns()
    row = {"id": DEFAULT_ID, "name": DEFAULT_NAME, "created": now, "updated": now}
    add_missing(connection, experiment, [row])


def create_experiment(
    connection: Connection, name: str, *, artifact_location: str | None, tags: Mapping[str, str]
) -> int:
    """Make an experiment and return its id.

    Raises:
        ExperimentExistsError: The name is taken, perhaps by a deleted one.
    """
    now = time.time_ns()
    row = {"name": name, "artifact_location": artifact_location, "created": now, "updated": now}
    if connection.scalar(select(experiment.c.id).where(experiment.c.name == name)) is not None:
        raise _taken(name)
    try:
        made = connection.execute(insert(experiment).values(row)).inserted_primary_key
    except IntegrityError as error:  # another process was faster
        raise _taken(name) from error
    experiment_id = int(made[0]) if made is not None else 0
    set_tags(connection, experiment_id, tags)
    return experiment_id


def get_experiment(connection: Connection, experiment_id: int) -> Experiment:
    """Read an experiment; deleted ones too.

    Raises:
        ExperimentNotFoundError: There is none.
    """
    found = read_experiments(connection, select(*COLUMNS).where(experiment.c.id == experiment_id))
    if not found:
        raise ExperimentNotFoundError(f"no experiment with the id {experiment_id}")
    return found[0]


def find_key(connection: Connection, experiment_id: int) -> ExperimentKey:
    """Find what a change needs to know of an experiment.

    Raises:
        ExperimentNotFoundError: There is none.
    """
    found: Any = _FIND(connection, {"id": experiment_id}).first()
    if found is None:
        raise ExperimentNotFoundError(f"no experiment with the id {experiment_id}")
    location, deleted_at = found
    return ExperimentKey(experiment_id, location and decode_text(location), deleted_at is not None)


def find_experiment(connection: Connection, name: str) -> Experiment:
    """Read the experiment of a name; deleted ones too.

    Raises:
        ExperimentNotFoundError: There is none.
    """
    found = read_experiments(connection, select(*COLUMNS).where(experiment.c.name == name))
    if not found:
        raise ExperimentNotFoundError(f"no experiment with the name {name!r}")
    return found[0]


def read_experiments(connection: Connection, statement: Select[Any]) -> list[Experiment]:
    """Run a statement over `COLUMNS`, and read the tags of what it finds."""
    rows = connection.execute(statement).all()
    tags = _tags(connection, [row.id for row in rows])
    return [Experiment(**row._asdict(), tags=tags.get(row.id, {})) for row in rows]


def rename_experiment(connection: Connection, experiment_id: int, name: str) -> None:
    """Give an experiment another name.

    Raises:
        ExperimentNotFoundError: There is no such experiment.
        ExperimentExistsError: The name is taken.
    """
    try:
        _change(connection, experiment_id, name=name)
    except IntegrityError as error:
        raise _taken(name) from error


def set_deleted(connection: Connection, experiment_id: int, *, deleted: bool) -> None:
    """Delete an experiment with all its runs, or restore both.

    Raises:
        ExperimentNotFoundError: There is none in the other state.
    """
    if (get_experiment(connection, experiment_id).deleted_at is not None) == deleted:
        raise ExperimentNotFoundError(f"no experiment with the id {experiment_id} to {_verb(deleted=deleted)}")
    at = time.time_ns() if deleted else None
    _change(connection, experiment_id, deleted_at=at)
    runs = update(run).where(run.c.experiment_id == experiment_id)
    runs = runs.where(run.c.deleted_at.is_(None) if deleted else run.c.deleted_at.is_not(None))
    connection.execute(runs.values(deleted_at=at))


def set_tags(connection: Connection, experiment_id: int, tags: Mapping[str, str]) -> None:
    """Set tags of an experiment."""
    put(
        connection,
        experiment_tag,
        [{"experiment_id": experiment_id, "key": key, "value": value} for key, value in tags.items()],
    )


def delete_tag(connection: Connection, experiment_id: int, key: str) -> bool:
    """Remove a tag, and say whether there was one."""
    here = (experiment_tag.c.experiment_id == experiment_id, experiment_tag.c.key == key)
    return bool(connection.execute(delete(experiment_tag).where(*here)).rowcount)


def _change(connection: Connection, experiment_id: int, **values: Any) -> None:
    changed = update(experiment).where(experiment.c.id == experiment_id).values(**values, updated=time.time_ns())
    if not connection.execute(changed).rowcount:
        raise ExperimentNotFoundError(f"no experiment with the id {experiment_id}")


def _tags(connection: Connection, ids: Collection[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    columns = experiment_tag.c
    statement = select(columns.experiment_id, columns.key, columns.value).where(columns.experiment_id.in_(ids))
    for line in connection.execute(statement.order_by(columns.key)):
        found.setdefault(line.experiment_id, {})[line.key] = line.value
    return found


def _taken(name: str) -> ExperimentExistsError:
    return ExperimentExistsError(f"there is an experiment {name!r} already; it may be deleted and can be restored")


def _verb(*, deleted: bool) -> str:
    return "delete" if deleted else "restore"
