"""What trials and workers report, as metrics, and configurations as parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autotrack.capture.arguments import plain
from autotrack.errors import UnsupportedValueError
from autotrack.values import to_metric

BOOKKEEPING = frozenset(
    {
        "checkpoint_dir_name",
        "config",
        "date",
        "done",
        "episodes_total",
        "experiment_tag",
        "hostname",
        "iterations_since_restore",
        "node_ip",
        "pid",
        "should_checkpoint",
        "time_since_restore",
        "time_this_iter_s",
        "time_total_s",
        "timestamp",
        "timesteps_since_restore",
        "timesteps_total",
        "training_iteration",
        "trial_id",
    }
)
"""What Tune itself puts into each result."""


def numbers_of(reported: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers a program reported; nested ones get Ray's names, such as "eval/loss"."""
    found = {}
    for name, value in flat(reported):
        if not isinstance(value, str):
            try:
                found[name] = to_metric(value)
            except UnsupportedValueError:  # images, lists, None: reported for others than us
                continue
    return found


def params_of(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a configuration as parameters, under Ray's names of nested ones, such as "optimizer/lr"."""
    return {name: plain(value) for name, value in flat(config or {})}


def flat(nested: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what stands in nested mappings, with the names on the way to it; on top without Tune's own."""
    for name, value in nested.items():
        if not above and name in BOOKKEEPING:
            continue
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{above}{name}/")
        else:
            yield f"{above}{name}", value
