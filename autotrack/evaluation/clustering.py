"""Evaluate a clustering: silhouette (of a sample), Davies-Bouldin and Calinski-Harabasz indices, sizes, inertia.

Sources: Rousseeuw, "Silhouettes" (1987); Davies and Bouldin (1979); Calinski and Harabasz (1974). Rows are read in
blocks, so the memory used does not grow with the data. The sample comes from a generator of its own with a fixed seed:
the same data give the same numbers, and no random state of the program is touched.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autotrack.errors import EvaluationError
from autotrack.evaluation.agreement import agreement
from autotrack.evaluation.inputs import as_array, as_floats, check_lengths, is_sparse
from autotrack.evaluation.labels import Codes, encode, name_classes
from autotrack.evaluation.report import Evaluation, FloatArray
from autotrack.evaluation.task import CLUSTERING

SILHOUETTE = "silhouette_score"
COMPACTNESS = ("davies_bouldin_score", "calinski_harabasz_score")

_BLOCK_CELLS = 4_000_000
_SEED = 0


class _Clusters(NamedTuple):
    """Rows as floats and their clusters: codes 0 to k - 1, and how many rows each has."""

    rows: FloatArray
    codes: Codes
    sizes: Codes


def evaluate_clustering(
    X: Any,
    labels: Any,
    *,
    y_true: Any = None,
    centers: Any = None,
    inertia: float | None = None,
    sample: int = 2000,
    split: str = "training",
) -> Evaluation:
    """Evaluate the clusters that rows were put in.

    Args:
        X: Data of shape (n, d), dense or scipy sparse. Of a sparse one only the sample is read.
        labels: Cluster of each row, shape (n,). Noise (-1) is a cluster like the others.
        y_true: True classes, shape (n,), to compare the clusters with, or None.
        centers: Shape (k, d), to compute the inertia where labels are positions in it and `inertia` is None.
        inertia: Sum of squared distances to the nearest centers, if known.
        sample: Largest number of rows for the silhouette, whose cost grows with its square.
        split: Name of the data.

    Returns:
        An evaluation with task "clustering", the clusters' `labels` and `sizes`, and the metrics `silhouette_score`,
        `davies_bouldin_score`, `calinski_harabasz_score`, `n_clusters`, and if known `inertia`; with `y_true` also
        `adjusted_rand_score`, `normalized_mutual_info_score`, `homogeneity_score`, `completeness_score`,
        `v_measure_score`.

    Raises:
        EvaluationError: If lengths differ or X is no table of numbers.

    Example:
        >>> report = evaluate_clustering([[0.0], [0.1], [9.0], [9.1]], [0, 0, 1, 1])
        >>> round(report.metrics["silhouette_score"], 3)
        0.989
    """
    with np.errstate(all="ignore"):
        return _evaluate(X, as_array(labels, "labels"), y_true, centers, inertia, sample, split)


def _evaluate(
    table: Any, labels: Any, y_true: Any, centers: Any, inertia: float | None, sample: int, split: str
) -> Evaluation:
    sparse = is_sparse(table)
    rows: Any = table if sparse else _as_table(table)
    length = check_lengths(X=rows, labels=labels)
    encoded = encode(labels, None, None)
    number = len(encoded.classes)
    sizes = np.bincount(encoded.true, minlength=number)
    metrics: dict[str, float | None] = {"n_clusters": float(number)}
    reasons: dict[str, str] = {}
    chosen = _sample_rows(length, sample)
    part = rows[chosen].toarray() if sparse else rows[chosen]
    sampled = _clusters(np.asarray(part, dtype=np.float64), encoded.true[chosen])
    everything = sampled if sparse else _Clusters(rows, encoded.true, sizes)
    _internal(sampled, everything, metrics, reasons)
    if chosen.size < length:
        for name in (SILHOUETTE, *COMPACTNESS) if sparse else (SILHOUETTE,):
            reasons.setdefault(name, f"from a sample of {chosen.size} of {length} rows")
    inertia = inertia if inertia is not None else _inertia(everything, labels, centers, length)
    if inertia is not None:
        metrics["inertia"] = float(inertia)
    if y_true is not None:
        truth = as_array(y_true, "y_true")
        check_lengths(labels=labels, y_true=truth)
        metrics |= agreement(encode(truth, None, None).true, encoded.true)
    return Evaluation(
        split=split,
        task=CLUSTERING,
        n_rows=length,
        labels=name_classes(encoded.classes, None),
        metrics=metrics,
        reasons=reasons,
        sizes=tuple(sizes.tolist()),
    )


def _as_table(value: Any) -> FloatArray:
    rows = as_floats(as_array(value, "X"), "X").astype(np.float64, copy=False)
    return rows.reshape(-1, 1) if rows.ndim == 1 else rows


def _sample_rows(length: int, sample: int) -> Codes:
    if length <= sample:
        return np.arange(length)
    return np.sort(np.random.default_rng(_SEED).choice(length, sample, replace=False))


def _clusters(rows: FloatArray, codes: Codes) -> _Clusters:
    """The clusters that occur among some rows, counted anew."""
    _, fresh, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    return _Clusters(rows, fresh.reshape(-1), sizes)


def _internal(
    sampled: _Clusters, everything: _Clusters, metrics: dict[str, float | None], reasons: dict[str, str]
) -> None:
    """The three indices that need no truth, or why they are undefined."""
    cause = _why_undefined(sampled)
    metrics[SILHOUETTE] = _silhouette(sampled) if cause is None else None
    if cause is not None:
        reasons[SILHOUETTE] = cause
    cause = _why_undefined(everything)
    values = _compactness(everything) if cause is None else (None, None)
    metrics |= dict(zip(COMPACTNESS, values, strict=True))
    if cause is not None:
        reasons |= dict.fromkeys(COMPACTNESS, cause)


def _why_undefined(clusters: _Clusters) -> str | None:
    number, length = clusters.sizes.size, len(clusters.rows)
    if not 1 < number < length:
        return f"not defined for {number} clusters of {length} rows"
    if not np.isfinite(clusters.rows.sum()):
        return "the data hold values that are not finite"
    return None


def _silhouette(clusters: _Clusters) -> float:
    """Mean over rows of (b - a) / max(a, b): a to the own cluster, b to the nearest other one, both mean distances."""
    rows = clusters.rows - clusters.rows.mean(axis=0)  # distances stay, cancellation shrinks
    squares = np.einsum("ij,ij->i", rows, rows)
    order = np.argsort(clusters.codes, kind="stable")
    starts = np.concatenate(([0], np.cumsum(clusters.sizes)[:-1]))
    total = 0.0
    step = max(1, _BLOCK_CELLS // len(rows))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        distances = np.sqrt(np.maximum(squares[block, None] + squares[order] - 2 * rows[block] @ rows[order].T, 0.0))
        codes = clusters.codes[block]
        places = np.arange(codes.size)
        distances[order[None, :] == (start + places)[:, None]] = 0.0
        sums = np.add.reduceat(distances, starts, axis=1)
        own_size = clusters.sizes[codes]
        own = sums[places, codes] / np.maximum(own_size - 1, 1)
        sums /= clusters.sizes
        sums[places, codes] = np.inf
        other = sums.min(axis=1)
        largest = np.maximum(own, other)
        values = np.where(largest > 0, (other - own) / np.where(largest > 0, largest, 1.0), 0.0)
        total += float(values[own_size > 1].sum())
    return total / len(rows)


def _compactness(clusters: _Clusters) -> tuple[float, float]:
    """The Davies-Bouldin and the Calinski-Harabasz index."""
    rows, codes, sizes = clusters
    number = sizes.size
    sums = np.zeros((number, rows.shape[1]))
    for block in _blocks(rows):
        order = np.argsort(codes[block], kind="stable")
        present, starts = np.unique(codes[block][order], return_index=True)
        sums[present] += np.add.reduceat(rows[block][order], starts, axis=0)
    centers = sums / sizes[:, None]
    distances = np.zeros(number)
    within = 0.0
    for block in _blocks(rows):
        away = rows[block] - centers[codes[block]]
        squares = np.einsum("ij,ij->i", away, away)
        distances += np.bincount(codes[block], np.sqrt(squares), minlength=number)
        within += float(squares.sum())
    between = float(sizes @ ((centers - sums.sum(axis=0) / len(rows)) ** 2).sum(axis=1))
    calinski = 1.0 if within == 0 else between * (len(rows) - number) / (within * (number - 1))
    return _davies_bouldin(centers, distances / sizes), calinski


def _davies_bouldin(centers: FloatArray, spread: FloatArray) -> float:
    """Mean over clusters of the worst (spread + other spread) / distance of centers."""
    if np.allclose(spread, 0):
        return 0.0
    worst = np.zeros(spread.size)
    apart = False
    for place, center in enumerate(centers):
        distances = np.sqrt(((centers - center) ** 2).sum(axis=1))
        apart = apart or not np.allclose(distances, 0)
        distances[distances == 0] = np.inf
        worst[place] = ((spread[place] + spread) / distances).max()
    return float(worst.mean()) if apart else 0.0


def _inertia(clusters: _Clusters, labels: Any, centers: Any, length: int) -> float | None:
    """Squared distances to the centers that labels point at; None where they do not, or only a sample was read."""
    if centers is None or len(clusters.rows) != length or labels.dtype.kind not in "iu" or not length:
        return None
    places = _as_table(centers)
    if labels.min() < 0 or labels.max() >= len(places):
        return None
    if places.shape[1] != clusters.rows.shape[1]:
        raise EvaluationError(f"X has {clusters.rows.shape[1]} columns, centers has {places.shape[1]}")
    return sum(float(((clusters.rows[block] - places[labels[block]]) ** 2).sum()) for block in _blocks(clusters.rows))


def _blocks(rows: FloatArray) -> list[slice]:
    step = max(1, _BLOCK_CELLS // max(1, rows.shape[1]))
    return [slice(start, start + step) for start in range(0, len(rows), step)]
