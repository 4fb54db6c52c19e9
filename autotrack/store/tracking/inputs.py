"""Data and models that went into runs, and models that came out of them."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from autotrack.errors import ConflictError
from autotrack.store.schema import dataset, experiment, run
from autotrack.store.statements import add_missing
from autotrack.store.tracking.run_reading import ROWS
from autotrack.store.tracking.tables import model_use

INPUT, OUTPUT = "input", "output"


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """A dataset in the words of the client that sent it, as texts; the page reads what is taken from them."""

    source_type: str
    source: str
    schema: str | None
    profile: str | None
    tags: dict[str, str]


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """Data that went into a run.

    Attributes:
        columns: Taken from its schema, for the page.
        profile: Likewise.
        origin: None for data that autotrack itself has described.
    """

    name: str
    digest: str
    context: str
    columns: list[dict[str, Any]]
    profile: dict[str, Any]
    source: str | None
    origin: Origin | None


class ModelUse(msgspec.Struct, frozen=True):
    """A logged model that a run took or made."""

    model_id: str
    step: int = 0


def log_datasets(connection: Connection, row: int, datasets: Sequence[Dataset]) -> None:
    """Say which data went into a run; what was said before is passed over."""
    now = time.time_ns()
    rows = [
        {
            "run_id": row,
            "name": data.name,
            "context": data.context,
            "digest": data.digest,
            "schema": data.columns,
            "profile": data.profile,
            "source": data.source,
            "origin": msgspec.to_builtins(data.origin),
            "time": now + number,
        }
        for number, data in enumerate(datasets)
    ]
    add_missing(connection, dataset, rows)


def read_datasets(connection: Connection, rows: Collection[int]) -> dict[int, list[Dataset]]:
    """Read the data of some runs, in the order in which they were logged."""
    found: dict[int, list[Dataset]] = {}
    columns = dataset.c
    statement = select(dataset).where(columns.run_id.in_(ROWS)).order_by(columns.run_id, columns.time)
    for line in connection.execute(statement, {"rows": list(rows)}):
        origin = None if line.origin is None else msgspec.convert(line.origin, Origin)
        data = Dataset(
            name=line.name,
            digest=line.digest,
            context=line.context,
            columns=line.schema,
            profile=line.profile,
            source=line.source,
            origin=origin,
        )
        found.setdefault(line.run_id, []).append(data)
    return found


def use_models(connection: Connection, row: int, direction: str, uses: Sequence[ModelUse], *, once: bool) -> None:
    """Link models with a run.

    Args:
        connection: In a transaction.
        row: Of the run.
        direction: `INPUT` or `OUTPUT`.
        uses: The models.
        once: A link that is there already is an error.

    Raises:
        ConflictError: It is there.
    """
    ids = [use.model_id for use in uses]
    same = (model_use.c.run_id == row, model_use.c.direction == direction, model_use.c.model_uid.in_(ids))
    if once and connection.scalar(select(model_use.c.model_uid).where(*same).limit(1)) is not None:
        raise ConflictError("the model is an output of this run already (UNIQUE)")
    lines = [{"run_id": row, "direction": direction, "model_uid": use.model_id, "step": use.step} for use in uses]
    add_missing(connection, model_use, lines)


def read_uses(connection: Connection, rows: Collection[int]) -> dict[tuple[int, str], list[ModelUse]]:
    """Read the models of some runs, by run and direction."""
    found: dict[tuple[int, str], list[ModelUse]] = {}
    columns = model_use.c
    statement = select(columns.run_id, columns.direction, columns.model_uid, columns.step)
    statement = statement.where(columns.run_id.in_(ROWS))
    for run_id, direction, model_uid, step in connection.execute(statement, {"rows": list(rows)}):
        found.setdefault((run_id, direction), []).append(ModelUse(model_uid, step))
    return found


def data_of_experiments(
    connection: Connection, experiments: Collection[int], limit: int
) -> list[tuple[int, str, str, str]]:
    """Read experiment, name, digest and context of the data that runs of some experiments used, each once."""
    columns = (experiment.c.id, dataset.c.name, dataset.c.digest, dataset.c.context)
    joined = select(*columns).distinct().join_from(dataset, run).join(experiment)
    live = (experiment.c.id.in_(experiments), run.c.deleted_at.is_(None))
    return [tuple(line) for line in connection.execute(joined.where(*live).order_by(*columns).limit(limit))]
