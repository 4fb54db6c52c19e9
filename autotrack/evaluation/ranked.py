"""Evaluation of rankings: how well scores order the rows of each query by their relevance."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autotrack.errors import EvaluationError
from autotrack.evaluation.inputs import as_array, as_floats
from autotrack.evaluation.report import Evaluation

RANKING = "ranking"
CUTOFFS = (1, 3, 5, 10)

Floats = npt.NDArray[np.float64]


def evaluate_ranking(relevance: Any, scores: Any, groups: Any = None, *, split: str = "test") -> Evaluation:
    """Evaluate a ranking.

    NDCG has the gain 2^relevance - 1 and the discount 1 / log2(rank + 1) (Burges et al., "Learning to rank using
    gradient descent", 2005), as LightGBM and XGBoost compute it. For mean average precision and mean reciprocal rank a
    row is relevant if its relevance is above 0. Ties keep the order of the data. Groups without a relevant row count
    for none of the three.

    Args:
        relevance: Shape (n,), 0 or more.
        scores: Shape (n,), the higher the better.
        groups: Sizes of consecutive groups; by default all rows are one.
        split: Name of the data.

    Returns:
        An evaluation with the metrics `ndcg`, `ndcg_at_1`, `_3`, `_5`, `_10`, `map` and `mrr`.

    Raises:
        EvaluationError: The lengths do not fit.

    Example:
        >>> round(evaluate_ranking([0, 1, 2], [0.1, 0.9, 0.5]).metrics["ndcg"], 3)
        0.797
    """
    truth = as_floats(as_array(relevance, "relevance"), "relevance").astype(np.float64)
    guess = as_floats(as_array(scores, "scores"), "scores").astype(np.float64)
    sizes = np.asarray([len(truth)] if groups is None else groups, dtype=np.int64)
    if truth.shape != guess.shape or sizes.sum() != len(truth):
        shapes = f"{truth.shape}, {guess.shape} and groups of {sizes.sum()} rows in all"
        raise EvaluationError(f"relevance, scores and groups do not fit: {shapes}")
    metrics = _metrics(truth, guess, sizes) if len(truth) else {}
    reasons = {name: "no group has a relevant row" for name, value in metrics.items() if value is None}
    return Evaluation(split=split, task=RANKING, n_rows=len(truth), metrics=metrics, reasons=reasons)


def _metrics(truth: Floats, guess: Floats, sizes: npt.NDArray[np.int64]) -> dict[str, float | None]:
    group = np.repeat(np.arange(sizes.size), sizes)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    rank = np.arange(len(truth)) - starts  # of a row that stands at this place once its group is in order
    ordered = truth[np.lexsort((-guess, group))]
    ideal = truth[np.lexsort((-truth, group))]
    counts = np.bincount(group, truth > 0, sizes.size) > 0
    metrics = {"ndcg": _ndcg(ordered, ideal, rank, group, counts, None)}
    for cutoff in CUTOFFS:
        metrics[f"ndcg_at_{cutoff}"] = _ndcg(ordered, ideal, rank, group, counts, cutoff)
    relevant = ordered > 0
    hits: npt.NDArray[Any] = np.cumsum(relevant) - np.repeat(
        (np.cumsum(relevant) - relevant)[starts[rank == 0]], sizes[sizes > 0]
    )
    total: npt.NDArray[Any] = np.bincount(group, relevant, sizes.size)
    precision: npt.NDArray[Any] = np.bincount(group, np.where(relevant, hits / (rank + 1), 0.0), sizes.size)
    first: npt.NDArray[Any] = np.bincount(group, np.where(relevant & (hits == 1), 1 / (rank + 1), 0.0), sizes.size)
    return {**metrics, "map": _mean(np.divide(precision[counts], total[counts])), "mrr": _mean(first[counts])}


def _ndcg(
    ordered: Floats, ideal: Floats, rank: npt.NDArray[Any], group: npt.NDArray[Any], counts: Any, cutoff: int | None
) -> float | None:
    discount = 1 / np.log2(rank + 2) * (1 if cutoff is None else rank < cutoff)
    found, best = (np.bincount(group, (np.exp2(values) - 1) * discount, counts.size) for values in (ordered, ideal))
    return _mean(found[counts] / best[counts])


def _mean(values: npt.NDArray[Any]) -> float | None:
    return float(values.mean()) if values.size else None
