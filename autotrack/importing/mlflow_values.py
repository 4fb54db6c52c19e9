"""MLflow's words for a run, brought into ours; the same for its files and its databases."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from autotrack import names
from autotrack.importing.found import SOURCE
from autotrack.importing.logged_models import FoundModel, model_records, present
from autotrack.records import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    KILLED,
    AnyRecord,
    DatasetLogged,
    NoteLogged,
    Param,
    ParamsLogged,
    RunEnded,
    RunStarted,
    TagsSet,
)
from autotrack.values import clean_key, to_param

STATUSES = {"FINISHED": FINISHED, "FAILED": FAILED, "KILLED": KILLED}
OUR_ID = "autotrack.run_id"
"""Tag by which the MLflow backend names the run it was sent."""
OUR_STATUS = "autotrack.status"
MILLISECOND = 1_000_000
MAX_LITERAL = 10_000
_ID = re.compile(r"[0-9a-f]{32}")
_NUMBERS = {"nan", "inf", "-inf"}


@dataclass
class MlflowRun:
    """A run as MLflow keeps it.

    Attributes:
        status: MLflow's word, such as "FINISHED".
        start: Milliseconds since the epoch.
        end: Likewise, or None.
        datasets: `name`, `digest`, `schema`, `profile` and `context` of each input.
        models: The logged models it made, by the folder they get.
    """

    id: str
    name: str
    experiment: str
    status: str
    start: int
    end: int | None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: list[Mapping[str, Any]] = field(default_factory=list)
    files_elsewhere: str | None = None
    models: dict[str, FoundModel] = field(default_factory=dict)

    @property
    def our_id(self) -> str:
        """The id here: that of the run which autotrack had sent to MLflow, else MLflow's own.

        Files lie in a directory of this name, so what is no id of either becomes one.
        """
        known = self.tags.get(OUR_ID) or self.id
        return known if _ID.fullmatch(known) else hashlib.sha256(known.encode()).hexdigest()[:32]

    def state(self, ids: Mapping[str, str]) -> list[AnyRecord]:
        """Return the records that describe it.

        Args:
            ids: The ids here of the runs whose id here is another than MLflow's.
        """
        return list(_state(self, ids))


def _state(run: MlflowRun, ids: Mapping[str, str]) -> Iterator[AnyRecord]:
    at = run.start * MILLISECOND
    parent = run.tags.get(names.PARENT_RUN_ID)
    parent = ids.get(parent, parent) if parent else None
    yield RunStarted(time=at, name=run.name, experiment=run.experiment, parent_id=parent, source=SOURCE)
    if run.params:
        yield ParamsLogged(time=at, params={clean_key(key): read_param(text) for key, text in run.params.items()})
    tags = {clean_key(key): text for key, text in run.tags.items() if key not in {names.RUN_NAME, OUR_ID}}
    if tags:
        yield TagsSet(time=at, tags=dict(sorted(tags.items())))
    for data in run.datasets:
        yield _dataset(at, data)
    if run.files_elsewhere:
        message = f"the files of this run are at {run.files_elsewhere}; they were not imported"
        yield NoteLogged(time=at, code="import.files_elsewhere", message=message, level="warning")
    yield from model_records(run.models)
    for name in sorted(set(run.models) - set(present(run.models))):
        message = f"the files of model {name} ({run.models[name].id}) are not on this machine; they were not imported"
        yield NoteLogged(time=at, code="import.files_elsewhere", message=message, level="warning")
    status = run.tags.get(OUR_STATUS)
    status = status if status == INTERRUPTED else STATUSES.get(run.status)
    if status:
        yield RunEnded(time=(run.end or run.start) * MILLISECOND, status=status, error=run.tags.get("autotrack.error"))


def read_param(text: str) -> Param:
    """Return the value whose `str()` MLflow has kept, where that can be told, else the text.

    Example:
        >>> read_param("0.5").type, read_param("None").type, read_param("l2").type
        ('float', 'null', 'str')
    """
    if text in _NUMBERS:
        return to_param(float(text))
    try:
        value = ast.literal_eval(text) if len(text) <= MAX_LITERAL else text
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # what Python documents for texts it cannot read
        return to_param(text)
    is_plain = value is None or isinstance(value, bool | int | float | list | dict)
    return to_param(value) if is_plain and str(value) == text else to_param(text)


def _dataset(at: int, data: Mapping[str, Any]) -> DatasetLogged:
    schema = _json(data.get("schema"))
    columns = schema.get("mlflow_colspec") or schema.get("mlflow_tensorspec", {}).get("features") or []
    return DatasetLogged(
        time=at,
        name=str(data["name"]),
        context=str(data.get("context") or ""),
        digest=str(data["digest"]),
        schema=[column for column in columns if isinstance(column, dict)] if isinstance(columns, list) else [],
        profile=_json(data.get("profile")),
    )


def _json(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text) if isinstance(text, str) else {}
    except ValueError:  # somebody has edited it
        return {}
    return value if isinstance(value, dict) else {}
