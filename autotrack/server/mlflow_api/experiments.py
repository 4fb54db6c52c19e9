"""Experiments: create, get, search, change, delete, restore."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from autotrack.server.caller import ADMIN
from autotrack.server.mlflow_api.endpoint import Call, Endpoint, anywhere, listed, of_experiment, reads, writes
from autotrack.server.mlflow_api.filters import EXPERIMENTS, parse_filter, parse_order
from autotrack.server.mlflow_api.messages import experiment_message
from autotrack.server.mlflow_api.protocol import INVALID, MISSING, ProtocolError
from autotrack.server.mlflow_api.requests import (
    Key,
    Name,
    OfExperiment,
    TagField,
    one_page,
    view_of,
)
from autotrack.store.accounts.grants import grant
from autotrack.store.tracking import experiments
from autotrack.store.tracking.searching import search_experiments


class Create(msgspec.Struct):
    """Make an experiment."""

    name: Name
    artifact_location: Annotated[str, Meta(max_length=2_000)] = ""
    tags: list[TagField] = []


class ByName(msgspec.Struct):
    """Get the experiment of a name."""

    experiment_name: Name


class Search(msgspec.Struct):
    """Find experiments."""

    max_results: Annotated[int, Meta(ge=1, le=50_000)]
    filter: str = ""
    order_by: list[str] = []
    page_token: str = ""
    view_type: str = ""


class Update(OfExperiment):
    """Rename an experiment."""

    new_name: Name


class SetTag(OfExperiment):
    """Set a tag."""

    key: Key
    value: str = ""


class DeleteTag(OfExperiment):
    """Remove a tag."""

    key: Key


def create(call: Call, asked: Create) -> Any:
    """Make an experiment; who makes one may do all in it."""
    location = asked.artifact_location
    if "#" in location or "?" in location or ".." in location.split("/"):
        raise ProtocolError("an artifact location is a URI without query, fragment and '..'")
    tags = {tag.key: tag.value for tag in asked.tags}
    made = experiments.create_experiment(call.connection, asked.name, artifact_location=location or None, tags=tags)
    if not call.caller.may(ADMIN):
        grant(call.connection, call.caller.name, made, ADMIN)
    return {"experiment_id": str(made)}


def get(call: Call, asked: OfExperiment) -> Any:
    """Read an experiment."""
    found = experiments.get_experiment(call.connection, int(asked.experiment_id))
    return {"experiment": experiment_message(found)}


def get_by_name(call: Call, asked: ByName) -> Any:
    """Read the experiment of a name."""
    return {"experiment": experiment_message(experiments.find_experiment(call.connection, asked.experiment_name))}


def of_name(connection: Any, asked: ByName) -> int | None:
    """Ask for the role in the experiment of a name."""
    return experiments.find_experiment(connection, asked.experiment_name).id


def search(call: Call, asked: Search) -> Any:
    """Find experiments that the caller may see."""
    find = partial(
        search_experiments,
        call.connection,
        parse_filter(asked.filter, EXPERIMENTS),
        parse_order(asked.order_by, EXPERIMENTS),
        view=view_of(asked.view_type),
        visible=call.visible(),
    )
    return one_page("experiments", asked, find, lambda page: list(map(experiment_message, page)))


def update(call: Call, asked: Update) -> None:
    """Rename an experiment."""
    experiment_id = int(asked.experiment_id)
    if experiments.get_experiment(call.connection, experiment_id).deleted_at is not None:
        raise ProtocolError("Cannot rename a non-active experiment.", "INVALID_STATE")
    experiments.rename_experiment(call.connection, experiment_id, asked.new_name)


def delete(call: Call, asked: OfExperiment) -> None:
    """Delete an experiment and its runs."""
    experiments.set_deleted(call.connection, int(asked.experiment_id), deleted=True)


def restore(call: Call, asked: OfExperiment) -> None:
    """Bring an experiment and its runs back."""
    experiments.set_deleted(call.connection, int(asked.experiment_id), deleted=False)


def set_tag(call: Call, asked: SetTag) -> None:
    """Set a tag."""
    active_experiment(call, asked.experiment_id)
    experiments.set_tags(call.connection, int(asked.experiment_id), {asked.key: asked.value})


def delete_tag(call: Call, asked: DeleteTag) -> None:
    """Remove a tag."""
    active_experiment(call, asked.experiment_id)
    if not experiments.delete_tag(call.connection, int(asked.experiment_id), asked.key):
        raise ProtocolError(f"No tag with name: {asked.key} in experiment with id {asked.experiment_id}", MISSING)


def active_experiment(call: Call, experiment_id: str) -> experiments.ExperimentKey:
    """Return an experiment that is not deleted.

    Raises:
        ProtocolError: It is.
        ExperimentNotFoundError: There is none.
    """
    found = experiments.find_key(call.connection, int(experiment_id))
    if found.deleted:
        raise ProtocolError(f"The experiment {experiment_id} must be in the 'active' state.", INVALID)
    return found


ENDPOINTS: list[Endpoint] = [
    listed("experiments/search", Search, search),
    listed("experiments/search", Search, search, method="POST"),
    reads("experiments/get-by-name", ByName, get_by_name, of_name),
    reads("experiments/get", OfExperiment, get, of_experiment),
    writes("experiments/create", Create, create, anywhere),
    writes("experiments/update", Update, update, of_experiment, role=ADMIN),
    writes("experiments/delete", OfExperiment, delete, of_experiment, role=ADMIN),
    writes("experiments/restore", OfExperiment, restore, of_experiment, role=ADMIN),
    writes("experiments/set-experiment-tag", SetTag, set_tag, of_experiment),
    writes("experiments/delete-experiment-tag", DeleteTag, delete_tag, of_experiment),
]
