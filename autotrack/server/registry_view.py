"""What the pages of the registry show beside the rows of the store: leading metrics, signatures, code to copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from autotrack.highlights import rank_metrics
from autotrack.server.snippets import curl_snippet, python_snippet
from autotrack.server.table import COUNTERS
from autotrack.store.browsing import metric_keys, read_cells
from autotrack.store.filters.syntax import Field
from autotrack.store.registry.comparison import read_columns, type_text
from autotrack.store.registry.rows import ModelVersion

if TYPE_CHECKING:
    from autotrack.store.store import Store

LEADING = 3


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


def signature_parts(signature: Mapping[str, Any] | None) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return names and types of the columns of a signature, by "inputs", "outputs" and "params"."""
    return [
        (part, [(str(column.get("name", number)), type_text(column)) for number, column in enumerate(columns)])
        for part, columns in read_columns(signature).items()
    ]


def version_snippets(version: ModelVersion, *, trust: bool) -> list[tuple[str, str]]:
    """Return code to load a version, and to serve and call it."""
    lasting = _lasting_uri(version)
    return [
        ("Python", python_snippet(version.uri, lasting, trust=trust)),
        ("Serve and call", curl_snippet(lasting, version.signature, trust=trust)),
    ]


def _lasting_uri(version: ModelVersion) -> str:
    """Return the URI that goes on to work when the next version takes over: by alias, where the version has one."""
    return f"models:/{version.name}@{version.aliases[0]}" if version.aliases else version.uri
