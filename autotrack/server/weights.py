"""What a run wrote down of the weight of each feature: importances of every type, and coefficients."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from autotrack.names import COEFFICIENTS, FEATURE_IMPORTANCE
from autotrack.server.artifacts import PREVIEW_BYTES, read_text

if TYPE_CHECKING:
    from autotrack.server.library import Library

MOST_FEATURES = 1_000
_STEM = FEATURE_IMPORTANCE.removesuffix(".json")
_IMPORTANCE = re.compile(rf"{_STEM}(?:_([A-Za-z_]+))?\.json")


def read_weights(library: Library, run_id: str) -> list[dict[str, Any]]:
    """Return what the page draws as bars.

    Returns:
        For each file with weights its `title`, and `features`: pairs of name and weight, the largest first.
    """
    with library.reading() as store:
        titles = {file.path: title for file in store.artifacts(run_id) if (title := _title(file.path))}
    found = [
        {"title": title, "features": _features(read_text(library, run_id, path, PREVIEW_BYTES))}
        for path, title in titles.items()
    ]
    return [weights for weights in found if weights["features"]]


def holds_weights(path: str) -> bool:
    """Say whether a file of a run holds weights of features."""
    return bool(_title(path))


def _title(path: str) -> str:
    """Return what a file is called on the page, nothing for a file of another kind."""
    if path == COEFFICIENTS:
        return "Coefficients"
    match = _IMPORTANCE.fullmatch(path)
    if match is None:
        return ""
    return f"Feature importance: {match[1].replace('_', ' ')}" if match[1] else "Feature importance"


def _features(text: str | None) -> list[tuple[str, float]]:
    """Read weights of features, the largest first; nothing where the file says something else."""
    try:
        weights = json.loads(text) if text else {}
    except ValueError:
        return []
    if not isinstance(weights, dict):
        return []
    numbers = [(name, value) for name, value in weights.items() if isinstance(value, int | float)]
    return sorted(numbers, key=lambda pair: -abs(pair[1]))[:MOST_FEATURES]
