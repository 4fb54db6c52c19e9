"""Drift of one column: the population stability index and the Kolmogorov-Smirnov test against the training data.

The training data are known by their `capture.data_distribution`: counts of few values, or 21 order statistics.

Sources: N. Siddiqi, Credit Risk Scorecards (2006), for the index and its bounds 0.1 and 0.25; B. Yurdakul, Statistical
Properties of Population Stability Index (2018), for what chance alone makes of it; M. A. Stephens, JRSS B 32 (1970),
for the distribution of D.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from autotrack.capture.data_distribution import PARTS, number_text

MODERATE, MAJOR = 0.1, 0.25
"""Bounds of the index: below the first one nothing has changed, above the second one the column is another."""
_NORMAL_999 = 3.0902
"""The 99.9 % quantile of the normal distribution."""
_TERMS = 100


class Drift(msgspec.Struct, frozen=True):
    """How far a column has moved.

    Attributes:
        column: Its name.
        rows: Values seen, missing ones included.
        missing: Their share; in training, `missing_before`.
        missing_before: The share in training.
        psi: Population stability index; missing values count as a value of their own.
        noise: What the index exceeds by chance once in a thousand times, for samples of these sizes.
        ks: Largest distance of the two distribution functions at the values that are known of training, for numbers.
        p_value: How often chance alone makes such a distance.
        verdict: "stable", "moderate" or "major"; an index below `noise` is stable.
    """

    column: str
    rows: int
    missing: float
    missing_before: float
    psi: float
    noise: float
    ks: float | None
    p_value: float | None
    verdict: str


def measure_drift(column: str, before: Mapping[str, Any], values: Sequence[Any]) -> Drift:
    """Compare values of a column with its distribution in training.

    Args:
        column: Its name.
        before: As `describe_table` and `describe_texts` give it.
        values: What was seen since: numbers or texts, with None where there was nothing. At least one.

    Example:
        >>> before = {"count": 100, "missing": 0, "values": {"basic": 80, "pro": 20}}
        >>> drift = measure_drift("plan", before, ["pro"] * 60 + ["basic"] * 40)
        >>> round(drift.psi, 2), drift.verdict
        (0.72, 'major')
    """
    present = [value for value in values if value is not None and value == value]  # noqa: PLR0124 - NaN
    numbers = _numbers(before, present)
    expected, seen = _bins(before, present, numbers)
    expected, seen = [*expected, before["missing"]], [*seen, len(values) - len(present)]
    psi, noise = stability_index(expected, seen), _noise(expected, seen)
    ks = None if numbers is None or not len(numbers) else _distance(before, numbers)
    known = before["count"] - before["missing"]
    return Drift(
        column=column,
        rows=len(values),
        missing=1 - len(present) / len(values),
        missing_before=before["missing"] / before["count"],
        psi=psi,
        noise=noise,
        ks=ks,
        p_value=None if ks is None else p_value(ks, known, len(present)),
        verdict="stable" if psi < max(MODERATE, noise) else "moderate" if psi < MAJOR else "major",
    )


def stability_index(expected: Sequence[float], seen: Sequence[float]) -> float:
    """Return the population stability index of two histograms of the same bins.

    It is the sum of (q - p) ln(q / p) over the bins, with p and q their shares. An empty bin counts as half a value.
    """
    terms: list[float] = [(q - p) * math.log(q / p) for p, q in zip(_shares(expected), _shares(seen), strict=True)]
    return math.fsum(terms)


def p_value(distance: float, before: int, since: int) -> float:
    """Return how often two samples of these sizes from the same distribution are so far apart, in the limit."""
    if distance <= 0:
        return 1.0
    root = math.sqrt(before * since / (before + since))
    scaled = (root + 0.12 + 0.11 / root) * distance
    if scaled < 0.2:  # the series converges slowly, to 1
        return 1.0
    series = math.fsum((-1) ** (at - 1) * math.exp(-2 * (at * scaled) ** 2) for at in range(1, _TERMS))
    return min(1.0, max(0.0, 2 * series))


def _noise(expected: Sequence[float], seen: Sequence[float]) -> float:
    """Return the 99.9 % quantile of the index of equal distributions: chi-squared, by Wilson and Hilferty's formula."""
    degrees = max(1, sum(1 for p, q in zip(expected, seen, strict=True) if p or q) - 1)
    spread = 2 / (9 * degrees)
    quantile = degrees * (1 - spread + _NORMAL_999 * math.sqrt(spread)) ** 3
    return quantile * (1 / sum(expected) + 1 / sum(seen))


def _shares(counts: Sequence[float]) -> list[float]:
    filled = [max(count, 0.5) for count in counts]
    return [count / sum(filled) for count in filled]


def _numbers(before: Mapping[str, Any], present: list[Any]) -> Any:
    """Return the values as numbers in their order; None for a column of texts."""
    if "quantiles" not in before and not all(map(_is_number, before["values"])):
        return None
    try:
        return np.sort(np.array(present, dtype=np.float64))
    except (TypeError, ValueError):
        return None


def _is_number(text: str) -> bool:
    try:
        return number_text(float(text)) == text
    except ValueError:
        return False


def _bins(before: Mapping[str, Any], present: list[Any], numbers: Any) -> tuple[list[float], list[float]]:
    """Count both sides in the same bins: each value of few, or the tenths of the training data."""
    if "quantiles" in before:
        if numbers is None:  # texts where numbers were: all of them are new
            return [before["count"] - before["missing"], 0], [0, len(present)]
        edges, below = _cumulative(before)
        edges, below = edges[2:-1:2], below[2:-1:2]
        edges, first = np.unique(edges, return_index=True)
        below = below[first]
        known = before["count"] - before["missing"]
        seen = np.searchsorted(numbers, edges, side="right")
        return _steps(below, known), _steps(seen, len(numbers))
    counts = Counter(map(str, present) if numbers is None else map(number_text, numbers.tolist()))
    values = before["values"]
    new = sum(count for value, count in counts.items() if value not in values)
    return [*values.values(), 0], [*(counts[value] for value in values), new]


def _steps(below: Any, total: int) -> list[float]:
    steps: list[float] = np.diff(below, prepend=0, append=total).tolist()
    return steps


def _cumulative(before: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return values of the training data, and how many of its values are not above each."""
    known = before["count"] - before["missing"]
    if "quantiles" in before:
        values = np.array(before["quantiles"], dtype=np.float64)
        below = np.arange(PARTS + 1) * (known - 1) // PARTS + 1
    else:
        values = np.array(list(map(float, before["values"])))
        below = np.cumsum(list(before["values"].values()))
    last = np.searchsorted(values, values, side="right") - 1  # of equal ones, the last one says how many there are
    return values, below[last]


def _distance(before: Mapping[str, Any], numbers: Any) -> float:
    values, below = _cumulative(before)
    known = before["count"] - before["missing"]
    if not known:
        return 0.0
    since = np.searchsorted(numbers, values, side="right") / len(numbers)
    return float(np.abs(below / known - since).max())
