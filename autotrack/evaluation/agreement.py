"""How far two labellings of the same rows agree, whatever the labels are called.

Sources: Hubert and Arabie, "Comparing partitions" (1985) for the adjusted Rand index; Rosenberg and Hirschberg,
"V-Measure" (2007) for homogeneity, completeness and their mean.
"""

from __future__ import annotations

import numpy as np

from autotrack.evaluation.labels import Codes
from autotrack.evaluation.report import FloatArray


def agreement(true: Codes, found: Codes) -> dict[str, float | None]:
    """Compare clusters with true classes.

    Args:
        true: Codes of the true classes, shape (n,).
        found: Codes of the clusters, shape (n,).

    Returns:
        `adjusted_rand_score`, `normalized_mutual_info_score` (arithmetic mean), `homogeneity_score`,
        `completeness_score`, `v_measure_score`.
    """
    if not true.size:
        return {}
    classes, clusters = np.bincount(true), np.bincount(found)
    cells = np.unique(true * clusters.size + found, return_counts=True)
    shared = _shared_information(cells[0], cells[1], classes, clusters)
    of_classes, of_clusters = _entropy(classes), _entropy(clusters)
    homogeneity = shared / of_classes if of_classes else 1.0
    completeness = shared / of_clusters if of_clusters else 1.0
    both = homogeneity + completeness
    v_measure = 2 * homogeneity * completeness / both if both else 0.0
    return {
        "adjusted_rand_score": _adjusted_rand(cells[1], classes, clusters),
        "normalized_mutual_info_score": v_measure,  # the same number under its other name
        "homogeneity_score": homogeneity,
        "completeness_score": completeness,
        "v_measure_score": v_measure,
    }


def _adjusted_rand(cells: Codes, classes: Codes, clusters: Codes) -> float:
    """Pairs of rows together in both labellings, corrected for chance; exact integers throughout."""
    together, in_class, in_cluster = (sum(n * (n - 1) for n in c.tolist()) for c in (cells, classes, clusters))
    rows = int(classes.sum())
    if together == in_class == in_cluster:
        return 1.0
    pairs = rows * (rows - 1)
    apart = pairs - in_class - in_cluster + together
    only_class, only_cluster = in_class - together, in_cluster - together
    disagree = in_class * (only_class + apart) + in_cluster * (only_cluster + apart)
    return float(2 * (together * apart - only_class * only_cluster) / disagree)


def _shared_information(keys: Codes, cells: Codes, classes: Codes, clusters: Codes) -> float:
    if np.count_nonzero(classes) == 1 or np.count_nonzero(clusters) == 1:
        return 0.0
    rows = float(classes.sum())
    expected = classes[keys // clusters.size].astype(np.float64) * clusters[keys % clusters.size]
    return max(0.0, float((cells / rows * (np.log(cells * rows) - np.log(expected))).sum()))


def _entropy(sizes: Codes) -> float:
    shares: FloatArray = sizes[sizes > 0] / sizes.sum()
    return 0.0 if shares.size == 1 else float(-(shares * np.log(shares)).sum())
