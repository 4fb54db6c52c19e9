"""Names for runs that are looked at together: those of one estimator all have its name."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from autotrack.server.templating import param_text
from autotrack.store.rows import RunRow

PARAMS, SIGNS, ID = 2, 24, 6


def tell_apart(runs: Sequence[RunRow]) -> list[RunRow]:
    """Add to names that runs share the params in which they differ; where these do not tell, the end of their ids."""
    same: dict[str, list[RunRow]] = {}
    for run in runs:
        same.setdefault(run.name, []).append(run)
    names = {run.id: name for group in same.values() for run, name in zip(group, _names(group), strict=True)}
    return [msgspec.structs.replace(run, name=names[run.id]) for run in runs]


def _names(group: Sequence[RunRow]) -> list[str]:
    if len(group) == 1:
        return [group[0].name]
    keys = sorted(set.union(*(set(run.params) for run in group)))
    columns = {key: [param_text(run.params[key]) if key in run.params else "" for run in group] for key in keys}
    telling = [key for key in keys if len(set(columns[key])) == len(group)][:1]
    chosen = telling or [key for key in keys if len(set(columns[key])) > 1][:PARAMS]
    words = [[f"{key}={columns[key][at][:SIGNS]}" for key in chosen] for at in range(len(group))]
    ends = [[] if telling else [run.id[-ID:]] for run in group]
    return [f"{run.name} {', '.join([*told, *end])}" for run, told, end in zip(group, words, ends, strict=True)]
