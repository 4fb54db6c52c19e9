"""How the values of each column are distributed, from the sample of a fingerprint: what later data are compared with.

Columns with few values keep the count of each, other numbers keep 21 order statistics. Texts that hardly repeat, such
as names, leave no trace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

PARTS = 20
"""A column of numbers keeps `PARTS + 1` order statistics, evenly spaced, the smallest and the largest included."""
FEW = 20
"""So many different values are counted one by one."""
WIDEST = 256
"""Tables with more columns have no distributions: they are pictures or embeddings."""


def describe_table(names: Sequence[str], rows: Any) -> dict[str, dict[str, Any]]:
    """Describe the distribution of each column of an array of numbers.

    Args:
        names: Of the columns.
        rows: Shape (rows, columns).

    Returns:
        For each column `count` (rows), `missing` (rows), and either `values` (how often each occurs, by its text) or
        `quantiles`.

    Example:
        >>> describe_table(["x"], np.array([[1.0], [0.0], [1.0], [np.nan]]))
        {'x': {'count': 4, 'missing': 1, 'values': {'0': 1, '1': 2}}}
    """
    if not 0 < len(names) <= WIDEST or not len(rows):
        return {}
    ordered = np.sort(rows.T, axis=1)  # NaN comes last
    missing = np.count_nonzero(ordered != ordered, axis=1).tolist()  # noqa: PLR0124  (NaN)
    return {
        name: {"count": len(rows), "missing": absent, **_of_numbers(column[: len(column) - absent])}
        for name, absent, column in zip(names, missing, ordered, strict=True)
    }


def describe_texts(values: Sequence[Any]) -> dict[str, Any] | None:
    """Describe the distribution of a column of texts, None and NaN; None for any other, or where nothing repeats.

    Example:
        >>> describe_texts(["pro", "basic", "pro", None])
        {'count': 4, 'missing': 1, 'values': {'basic': 1, 'pro': 2}}
    """
    kinds = set(map(type, values))
    texts = [value for value in values if isinstance(value, str)]
    counts = Counter(texts)
    if not texts or kinds - {str, float, type(None)} or not _repeats(len(counts), len(texts)):
        return None
    return {"count": len(values), "missing": len(values) - len(texts), "values": dict(sorted(counts.items()))}


def number_text(value: float) -> str:
    """Return the name of a number among `values`: the same for 1, 1.0 and True."""
    return f"{float(value):.12g}"


def _of_numbers(ordered: Any) -> dict[str, Any]:
    """Describe numbers in their order."""
    if not len(ordered):
        return {"values": {}}
    starts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    if _repeats(len(starts) + 1, len(ordered)):
        bounds = [0, *starts.tolist(), len(ordered)]
        counts = [after - before for before, after in pairwise(bounds)]
        values = ordered[bounds[:-1]].tolist()
        return {"values": dict(zip(map(number_text, values), counts, strict=True))}
    return {"quantiles": ordered[np.arange(PARTS + 1) * (len(ordered) - 1) // PARTS].tolist()}


def _repeats(different: int, count: int) -> bool:
    """Say whether few values occur again and again."""
    return different <= FEW and 2 * different <= max(count, 2)
