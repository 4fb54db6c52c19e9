"""The drift report of a served model: what its monitoring runs hold, beside the data that it was trained on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from autotrack.capture.data import fingerprint
from autotrack.errors import ModelError, RunNotFoundError
from autotrack.models.batch import PREDICTION
from autotrack.models.file_pieces import pieces
from autotrack.models.stored import StoredModel, open_model
from autotrack.serving.drift import Drift, measure_drift
from autotrack.serving.monitoring import EXPERIMENT, FOLDER, SERVED_MODEL

if TYPE_CHECKING:
    from autotrack.history import History
    from autotrack.stored_run import StoredRun

DISTRIBUTIONS = "distributions"
_REFERENCE_ROWS = 65_536

Reference = dict[str, Mapping[str, Any]]


class Report(msgspec.Struct, frozen=True):
    """Whether a served model is still asked what it was trained for.

    Attributes:
        model: Its URI.
        reference: Where the distributions of training come from.
        runs: Names of the monitoring runs.
        requests: Answered in all; `errors` of them with an error.
        errors: Answered with an error.
        rows: Rows predicted in all.
        sampled: Rows that were kept, on which the report stands.
        columns: Of each column that both sides have.
        unknown: Columns of the requests of which nothing is known from training.
    """

    model: str
    reference: str
    runs: list[str]
    requests: int
    errors: int
    rows: int
    sampled: int
    columns: list[Drift]
    unknown: list[str]


def drift_report(
    uri: str, *, history: History, reference: str | os.PathLike[str] | None = None, hours: float | None = None
) -> Report:
    """Compare what a model was asked with the data that it was trained on.

    Args:
        uri: The model, as `locate` takes it; all monitoring runs of this very model count, whatever URI they had.
        history: The store.
        reference: A .parquet or .csv file to compare with. Default: the fingerprints of the run that trained it.
        hours: Only what was asked so many hours ago at most. Default: all.

    Raises:
        ModelError: Nothing was recorded yet, or nothing is known to compare it with.
    """
    model = open_model(uri, history=history)
    runs = _monitoring_runs(model, history)
    since = 0 if hours is None else time.time_ns() - int(hours * 3600e9)
    samples = [sample for run in runs for sample in _samples(run) if sample["time"] >= since]
    if not samples:
        raise ModelError(f"nothing was recorded of {uri} yet; serve it with `autotrack models serve {uri} --record`")
    origin, before = _from_file(Path(reference)) if reference is not None else _from_training(model, history)
    seen = _columns(samples)
    columns = [measure_drift(name, before[name], values) for name, values in seen.items() if before.get(name)]
    return Report(
        model=uri,
        reference=origin,
        runs=[run.name for run in runs],
        **{key: sum(_total(run, key, since) for run in runs) for key in ("requests", "errors", "rows")},
        sampled=len(samples),
        columns=sorted(columns, key=lambda drift: -drift.psi),
        unknown=[name for name in seen if not before.get(name)],
    )


def _monitoring_runs(model: StoredModel, history: History) -> Sequence[StoredRun]:
    return history.search(f'tags."{SERVED_MODEL}" = "{model.model_id}"', experiment=EXPERIMENT, order_by="start_time")


def _samples(run: StoredRun) -> Iterator[dict[str, Any]]:
    for path in run.artifacts():
        if path.startswith(f"{FOLDER}/"):
            yield from map(json.loads, run.download(path).read_bytes().splitlines())


def _total(run: StoredRun, key: str, since: int) -> int:
    return int(sum(point.value for point in run.metric_history(key) if point.time.timestamp() * 1e9 >= since))


def _columns(samples: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the values of each column of the inputs, and of the prediction where there is one."""
    names = dict.fromkeys(name for sample in samples for name in sample["inputs"])
    columns = {name: [sample["inputs"].get(name) for sample in samples] for name in names}
    predictions = [sample["predictions"].get(PREDICTION) for sample in samples]
    return columns if all(value is None for value in predictions) else {**columns, PREDICTION: predictions}


def _from_training(model: StoredModel, history: History) -> tuple[str, Reference]:
    """Read the fingerprints of the run that made the model."""
    advice = "give the training data with --reference FILE"
    if model.run_id is None:
        raise ModelError(f"{model.uri} comes from no run, so its training data are unknown; {advice}")
    try:
        run = history.get(model.run_id)
    except RunNotFoundError as error:
        raise ModelError(f"the run of {model.uri} is not in this store; {advice}") from error
    found: Reference = {}
    for data in run.datasets:
        if data.context == "train":
            found |= data.profile.get(DISTRIBUTIONS, {})
            found |= _of_target(data.profile)
    if not found:
        raise ModelError(f"run {run.name!r} has no distributions of its training data; {advice}")
    return f"run {run.name}", found


def _of_target(profile: Mapping[str, Any]) -> Reference:
    """Return the balance of the classes in training as the distribution of the predictions."""
    counts = profile.get("class_balance")
    return {PREDICTION: {"count": sum(counts.values()), "missing": 0, "values": counts}} if counts else {}


def _from_file(path: Path) -> tuple[str, Reference]:
    table = next(iter(pieces(path, _REFERENCE_ROWS)), None)
    if table is None:
        raise ModelError(f"{path} has no rows to compare with")
    return str(path), fingerprint(table).profile.get(DISTRIBUTIONS, {})
