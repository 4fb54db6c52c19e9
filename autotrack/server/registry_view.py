"""What the pages of the registry show beside the rows of the store: leading metrics, signatures, code to copy."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from autotrack.highlights import rank_metrics
from autotrack.server.table import COUNTERS
from autotrack.store.browsing import metric_keys, read_cells
from autotrack.store.filters.syntax import Field
from autotrack.store.registry.comparison import read_columns, type_text
from autotrack.store.registry.rows import ModelVersion

if TYPE_CHECKING:
    from autotrack.store.store import Store

LEADING = 3
MAX_COLUMNS = 50
_EXAMPLES: dict[str, Any] = {"boolean": True, "string": "text", "datetime": "2026-01-01T00:00:00"}
_EXAMPLES |= dict.fromkeys(("integer", "long"), 1) | dict.fromkeys(("float", "double"), 0.5)


class VersionRow(msgspec.Struct, frozen=True):
    """A version in the table of a model; `metrics` are those of the head of the table."""

    version: ModelVersion
    metrics: list[Any]


class VersionTable(msgspec.Struct, frozen=True):
    """The versions of a model with the metrics that tell most."""

    metrics: list[str]
    rows: list[VersionRow]


def read_version_table(store: Store, versions: Sequence[ModelVersion]) -> VersionTable:
    """Read the leading metrics of the runs of some versions."""
    runs = list({version.run_id for version in versions if version.run_id is not None})
    leading = [key for key in rank_metrics([metric_keys(store, runs)]) if key not in COUNTERS][:LEADING]
    cells = read_cells(store, runs, [Field("metric", key) for key in leading])
    rows = [VersionRow(version, [column.get(version.run_id or "") for column in cells]) for version in versions]
    return VersionTable(leading, rows)


def signature_parts(signature: dict[str, Any] | None) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return names and types of the columns of a signature, by "inputs", "outputs" and "params"."""
    return [
        (part, [(str(column.get("name", number)), type_text(column)) for number, column in enumerate(columns)])
        for part, columns in read_columns(signature).items()
    ]


def python_snippet(version: ModelVersion) -> str:
    """Return Python that loads a version and predicts with it."""
    return (
        "import autotrack.models\n\n"
        f"model = autotrack.models.load({json.dumps(version.uri, ensure_ascii=False)})  # a pickle: add trust=True\n\n"
        f"predictor = autotrack.models.load_predictor({json.dumps(_lasting_uri(version), ensure_ascii=False)})\n"
        "predictor.predict(data)  # checks the columns first\n"
    )


def curl_snippet(version: ModelVersion) -> str:
    """Return commands that serve a version and ask it for a prediction of one row."""
    columns = read_columns(version.signature).get("inputs", [])[:MAX_COLUMNS]
    if columns and all("name" in column and "tensor-spec" not in column for column in columns):
        row = [_EXAMPLES.get(str(column.get("type")), "") for column in columns]
        request: dict[str, Any] = {"dataframe_split": {"columns": [one["name"] for one in columns], "data": [row]}}
    else:
        request = {"inputs": [_example_row(columns)]}
    return (
        f"autotrack models serve {shlex.quote(_lasting_uri(version))} --port 5001  # a pickle: add --trust\n\n"
        "curl http://127.0.0.1:5001/invocations -H 'content-type: application/json' \\\n"
        f"  -d {shlex.quote(json.dumps(request, ensure_ascii=False))}\n"
    )


def _lasting_uri(version: ModelVersion) -> str:
    """Return the URI that goes on to work when the next version takes over: by alias, where the version has one."""
    return f"models:/{version.name}@{version.aliases[0]}" if version.aliases else version.uri


def _example_row(columns: Sequence[dict[str, Any]]) -> list[float]:
    """Return a row of as many numbers as a tensor of rows and columns wants."""
    shape = columns[0].get("tensor-spec", {}).get("shape", []) if columns else []
    width = shape[1] if len(shape) == 2 and isinstance(shape[1], int) and 0 < shape[1] <= MAX_COLUMNS else 1
    return [0.5] * width
