"""Any result as strict JSON: NaN and the infinities, which JSON has not, become "NaN", "Infinity" and "-Infinity"."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

from autotrack.words import non_finite

if TYPE_CHECKING:
    from autotrack.stored_run import StoredRun


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(to_json(value))


def to_json(value: Any) -> str:
    """Return a value of builtins, datetimes, structs and arrays as indented JSON."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def run_fields(run: StoredRun) -> dict[str, Any]:
    """Return what describes a run, with its values."""
    return {**run.attributes(), "params": run.params, "metrics": run.metrics, "tags": run.tags}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else non_finite(value)
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    return _plain(value.tolist())  # an array
