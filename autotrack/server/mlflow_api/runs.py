"""Runs: create, get, change, delete, restore, and their tags."""

from __future__ import annotations

import time
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from autotrack import names
from autotrack.identity import new_run_name
from autotrack.records import FAILED, FINISHED, KILLED, RUNNING
from autotrack.server.caller import ADMIN
from autotrack.server.mlflow_api.endpoint import Call, Endpoint, of_experiment, of_run, reads, writes
from autotrack.server.mlflow_api.experiments import active_experiment
from autotrack.server.mlflow_api.messages import MILLISECOND, RunMessage, run_data, run_info, run_message
from autotrack.server.mlflow_api.protocol import MISSING, ProtocolError
from autotrack.server.mlflow_api.requests import (
    ExperimentId,
    Key,
    Milliseconds,
    OfRun,
    TagField,
    checked_key,
    tag_values,
)
from autotrack.store.tracking import runs
from autotrack.store.tracking.inputs import read_datasets, read_uses
from autotrack.store.tracking.run_reading import TrackedRun, get_run
from autotrack.store.tracking.runs import find_run

RunName = Annotated[str, Meta(max_length=2_000)]

STATUSES = {"RUNNING": RUNNING, "SCHEDULED": RUNNING, "FINISHED": FINISHED, "FAILED": FAILED, "KILLED": KILLED}
"""Our word for each status of MLflow's; what is scheduled counts as running."""

NUMBERS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""The same by their numbers, which protocol buffers take too."""


class Create(msgspec.Struct):
    """Make a run."""

    experiment_id: ExperimentId
    user_id: Annotated[str, Meta(max_length=500)] = ""
    run_name: RunName = ""
    start_time: Milliseconds = 0
    tags: list[TagField] = []


class Update(OfRun):
    """Change a run."""

    status: str | int | None = None
    end_time: Milliseconds | None = None
    run_name: RunName = ""


class SetTag(OfRun, kw_only=True):
    """Set a tag."""

    key: Key
    value: str = ""


class DeleteTag(OfRun, kw_only=True):
    """Remove a tag."""

    key: Key


def create(call: Call, asked: Create) -> Any:
    """Make a run."""
    experiment = active_experiment(call, asked.experiment_id)
    tags = tag_values(asked.tags)
    tagged = tags.get(names.RUN_NAME, "")
    if asked.run_name and tagged and asked.run_name != tagged:
        raise ProtocolError("Both 'run_name' argument and 'mlflow.runName' tag are specified, but they differ.")
    made = runs.create_run(
        call.connection,
        experiment.id,
        name=asked.run_name or tagged or new_run_name(),
        start_time=asked.start_time * MILLISECOND,
        user_id=asked.user_id,
        artifact_location=experiment.artifact_location,
        tags=tags,
    )
    return {"run": {"info": run_info(made), "data": run_data(made), "inputs": {}}}


def get(call: Call, asked: OfRun) -> Any:
    """Read a run."""
    [message] = describe(call, [get_run(call.connection, asked.id)])
    return {"run": message}


def describe(call: Call, found: list[TrackedRun]) -> list[RunMessage]:
    """Describe runs with their inputs and outputs, in a constant number of queries."""
    rows = [run.row for run in found]
    datasets, uses = read_datasets(call.connection, rows), read_uses(call.connection, rows)
    return [run_message(run, datasets.get(run.row, ()), uses) for run in found]


def update(call: Call, asked: Update) -> Any:
    """Change status, end or name of a run."""
    row = find_run(call.connection, asked.id, active=True).row
    values: dict[str, Any] = {}
    if asked.status is not None:
        values["status"] = _status(asked.status)
    if asked.end_time is not None:
        values["end_time"] = asked.end_time * MILLISECOND
    elif values.get("status", RUNNING) != RUNNING:
        values["end_time"] = time.time_ns()
    if asked.run_name:
        values["name"] = asked.run_name
    runs.change_run(call.connection, row, **values)
    return {"run_info": run_info(get_run(call.connection, asked.id, with_values=False))}


def _status(given: str | int) -> str:
    status = NUMBERS.get(given, "") if isinstance(given, int) else given
    if status not in STATUSES:
        raise ProtocolError(f"there is no such status; there are {', '.join(STATUSES)}")
    return STATUSES[status]


def delete(call: Call, asked: OfRun) -> None:
    """Delete a run."""
    runs.set_deleted(call.connection, asked.id, deleted=True)


def restore(call: Call, asked: OfRun) -> None:
    """Bring a run back."""
    runs.set_deleted(call.connection, asked.id, deleted=False)


def set_tag(call: Call, asked: SetTag) -> None:
    """Set a tag."""
    row = find_run(call.connection, asked.id, active=True).row
    runs.set_tags(call.connection, row, {checked_key(asked.key): asked.value})


def delete_tag(call: Call, asked: DeleteTag) -> None:
    """Remove a tag."""
    row = find_run(call.connection, asked.id, active=True).row
    if not runs.delete_tag(call.connection, row, asked.key):
        raise ProtocolError(f"No tag with name: {asked.key} in run with id {asked.id}", MISSING)


ENDPOINTS: list[Endpoint] = [
    writes("runs/create", Create, create, of_experiment),
    writes("runs/update", Update, update, of_run),
    reads("runs/get", OfRun, get, of_run),
    writes("runs/set-tag", SetTag, set_tag, of_run),
    writes("runs/delete-tag", DeleteTag, delete_tag, of_run),
    writes("runs/delete", OfRun, delete, of_run, role=ADMIN),
    writes("runs/restore", OfRun, restore, of_run, role=ADMIN),
]
