"""Two versions beside each other: what their runs were given and reached, what they take, and where they come from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from autotrack.errors import RunNotFoundError
from autotrack.store.registry.rows import ModelVersion
from autotrack.values import from_param

if TYPE_CHECKING:
    from autotrack.store.rows import RunRow
    from autotrack.store.store import Store


class Pair(msgspec.Struct, frozen=True):
    """A value of the one version and of the other; None where it has none."""

    key: str
    before: Any
    after: Any

    @property
    def differs(self) -> bool:
        """Whether they are not the same; NaN is the same as NaN, 1 is not True."""
        return repr(self.before) != repr(self.after)

    @property
    def change(self) -> float | None:
        """What the second number is more than the first; None for what are no two finite numbers that differ."""
        if not isinstance(self.before, float) or not isinstance(self.after, float):
            return None
        difference = self.after - self.before
        return difference if math.isfinite(difference) and difference else None


class VersionComparison(msgspec.Struct, frozen=True):
    """Two versions beside each other.

    Attributes:
        before: The one.
        after: The other.
        params: Of their runs.
        metrics: Last values of their runs.
        evaluations: By split, the metrics of the latest evaluation.
        signature: By "inputs.<column>", "outputs.<column>" and "params.<name>": the type, with "?" where it may be
            missing.
        lineage: Run, data, code and flavors.
        without_run: Versions whose run is not in this store: nothing is known of their params and metrics.
    """

    before: ModelVersion
    after: ModelVersion
    params: list[Pair]
    metrics: list[Pair]
    evaluations: dict[str, list[Pair]]
    signature: list[Pair]
    lineage: list[Pair]
    without_run: tuple[int, ...]


def compare_versions(store: Store, before: ModelVersion, after: ModelVersion) -> VersionComparison:
    """Compare two versions, of one model or of two."""
    both = (before, after)
    runs = [run_of(store, version) for version in both]
    scores = [_scores(store, run) for run in runs]
    return VersionComparison(
        before,
        after,
        params=_pairs(*({key: from_param(param) for key, param in run.params.items()} if run else {} for run in runs)),
        metrics=_pairs(*(run.metrics if run else {} for run in runs)),
        evaluations={
            split: _pairs(*(score.get(split, {}) for score in scores)) for split in sorted({*scores[0], *scores[1]})
        },
        signature=_pairs(*(dict(_columns(version.signature)) for version in both), sort=False),
        lineage=_pairs(*map(_lineage, both), sort=False),
        without_run=tuple(version.version for version, run in zip(both, runs, strict=True) if run is None),
    )


def run_of(store: Store, version: ModelVersion) -> RunRow | None:
    """Read the run that made a version, from the trash too; None where this store does not have it."""
    try:
        return None if version.run_id is None else store.get_run(version.run_id)
    except RunNotFoundError:
        return None


def read_columns(signature: Mapping[str, Any] | None) -> dict[str, list[dict[str, Any]]]:
    """Read the columns of a signature by "inputs", "outputs" and "params"; what is no list of columns is left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    for part, text in (signature or {}).items():
        try:
            columns = json.loads(text) if isinstance(text, str) else []
        except ValueError:
            continue
        if isinstance(columns, list) and columns and all(isinstance(column, dict) for column in columns):
            found[part] = columns
    return found


def type_text(column: Mapping[str, Any]) -> str:
    """Return the type of a column of a signature, such as "double", "long?" or "float64 (-1, 4)"."""
    tensor = column.get("tensor-spec")
    if isinstance(tensor, Mapping):
        return f"{tensor.get('dtype', '?')} ({', '.join(map(str, tensor.get('shape', ())))})"
    return f"{column.get('type', '?')}{'' if column.get('required', True) else '?'}"


def _columns(signature: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    for part, columns in read_columns(signature).items():
        for number, column in enumerate(columns):
            yield f"{part}.{column.get('name', number)}", type_text(column)


def _scores(store: Store, run: RunRow | None) -> dict[str, dict[str, Any]]:
    """Read the metrics of the latest evaluation of each split."""
    reports = {row.split: row.report for row in store.evaluations(run.id)} if run else {}
    return {split: dict(report.get("metrics", {})) for split, report in reports.items()}


def _lineage(version: ModelVersion) -> dict[str, Any]:
    origin = version.lineage
    facts: dict[str, Any] = {
        "flavors": ", ".join(version.flavors),
        "run": origin.run_name or version.run_id,
        "experiment": origin.experiment,
        "git commit": origin.git_commit,
        "git branch": origin.git_branch,
        "uncommitted changes": origin.git_dirty,
        "script": origin.script,
    }
    data = {f"data {use.name} ({use.context})": use.digest for use in origin.data}
    return {key: value for key, value in (facts | data).items() if value not in (None, "")}


def _pairs(before: Mapping[str, Any], after: Mapping[str, Any], *, sort: bool = True) -> list[Pair]:
    keys = dict.fromkeys((*before, *after))
    return [Pair(key, before.get(key), after.get(key)) for key in (sorted(keys) if sort else keys)]
