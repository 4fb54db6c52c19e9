"""How two runs differ: code, what was started, params, packages, hardware, data, metrics and evaluation."""

from __future__ import annotations

import difflib
import hashlib
import math
import re
import struct
from collections.abc import Mapping
from typing import Any

import msgspec

from autotrack import names
from autotrack.highlights import is_background, rank_metrics
from autotrack.reproduction.evidence import read_evidence, read_file, root_of
from autotrack.stored_run import StoredRun

_INDEX = re.compile(r"(?m)^index [0-9a-f.]+.*\n")
_LOADED_LATE = frozenset({"alembic", "greenlet", "mako", "markupsafe", "packaging", "sqlalchemy", "typing-extensions"})
"""What the embedded store loads in the background, before or after a run looks at what is loaded."""
_COMMIT = "mlflow.source.git.commit"
_HARDWARE = ("hostname", "platform", "cpu_model", "cpu_count", "memory_bytes", "gpus", "cuda")


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not the same.

    Attributes:
        name: What it is.
        before: In the first run; None where it has none.
        after: In the second run; None where it has none.
    """

    name: str
    before: Any
    after: Any


def compare_runs(first: StoredRun, second: StoredRun) -> dict[str, list[Difference]]:
    """Return what differs, by section; a section without differences is empty.

    Numbers are the same where they are bit by bit; NaN is the same as NaN. Metrics of the machine are left out.
    """
    one, two = root_of(first), root_of(second)
    before, after = _facts(one), _facts(two)
    return {
        "code": _differences(before["code"], after["code"]),
        "params": _differences(first.params, second.params),
        "packages": [row for row in _differences(before["packages"], after["packages"]) if not _is_chance(row)],
        "hardware": _differences(before["hardware"], after["hardware"]),
        "data": _differences(_data(first), _data(second)),
        "metrics": compare_metrics(first, second, everything=False),
        "evaluation": _differences(_evaluation(first), _evaluation(second)),
    }


def compare_metrics(first: StoredRun, second: StoredRun, *, everything: bool = True) -> list[Difference]:
    """Return the last values of all metrics of two runs (or those that differ), the most telling first."""
    keys = [key for key in rank_metrics([first.metrics, second.metrics]) if not is_background(key)]
    rows = [Difference(key, first.metrics.get(key), second.metrics.get(key)) for key in keys]
    return [row for row in rows if everything or not same(row.before, row.after)]


def same(before: Any, after: Any) -> bool:
    """Say whether two values are the same, floats bit by bit."""
    if isinstance(before, float) and isinstance(after, float):
        both_nan = math.isnan(before) and math.isnan(after)
        return both_nan or struct.pack("<d", before) == struct.pack("<d", after)
    return type(before) is type(after) and bool(before == after)


def compare_data(first: StoredRun, second: StoredRun) -> list[Difference]:
    """Return the data sets whose fingerprints differ."""
    return _differences(_data(first), _data(second))


def patch_difference(first: StoredRun, second: StoredRun) -> str:
    """Return how the recorded changes of two runs differ, as a unified diff of the patches; "" where they do not."""
    one, two = (_patch(root_of(run)).splitlines() for run in (first, second))
    return "\n".join(difflib.unified_diff(one, two, first.name, second.name, lineterm="", n=1))


def _facts(run: StoredRun) -> dict[str, dict[str, Any]]:
    """Return code, packages and hardware of a root run, as far as recorded."""
    code = {"commit": run.tags[_COMMIT]} if _COMMIT in run.tags else {}
    environment: dict[str, Any] = {}
    if names.ENTRY in run.artifacts():
        evidence = read_evidence(run)
        environment = evidence.environment
        patch = _patch(run)
        code |= {
            "arguments": " ".join(evidence.entry.arguments),
            "entry point": evidence.entry.name,
            "changes": f"{patch.count('diff --git ')} files, {_digest(patch.encode())}" if patch else "none",
            "untracked": ", ".join(evidence.entry.untracked) or "none",
            "untracked content": _digest(evidence.untracked) if evidence.untracked else "none",
            **{f"lock {name}": digest[:12] for name, digest in evidence.entry.locks.items()},
        }
    packages = {"python": environment["python"], **environment["packages"]} if environment else {}
    return {
        "code": code,
        "packages": packages,
        "hardware": {key: environment[key] for key in _HARDWARE if key in environment},
    }


def _is_chance(package: Difference) -> bool:
    """Say whether a package is one of ours that was not loaded yet when one of the runs began."""
    return package.name in _LOADED_LATE and None in (package.before, package.after)


def _patch(run: StoredRun) -> str:
    """Return the changes of a root run without git's hashes, which see what is masked."""
    return _INDEX.sub("", read_file(run, names.CHANGES_PATCH).decode(errors="backslashreplace"))


def _data(run: StoredRun) -> dict[str, Any]:
    found = {}
    for data in run.datasets:
        rows = data.profile.get("num_rows")
        found[f"{data.context} {data.name}"] = f"{data.digest[:12]}, {'?' if rows is None else rows} rows"
    return found


def _evaluation(run: StoredRun) -> dict[str, Any]:
    return {
        f"{evaluation.split} {key}": value
        for evaluation in run.evaluations()
        for key, value in evaluation.metrics.items()
        if value is not None
    }


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    keys = dict.fromkeys((*before, *after))
    return [
        Difference(key, before.get(key), after.get(key)) for key in keys if not same(before.get(key), after.get(key))
    ]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
