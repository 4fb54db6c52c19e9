"""Which metrics of some runs to show first where there is no room for all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

_LAST = re.compile(r"^(system/|autotrack\.)")
_MINOR = re.compile(
    r"(_time$|^std_|^rank_|^split(\d+)?_|^n_[a-z_]+$|^best_(index|trial)$|^(best|stopped|restored)_(iteration|epoch)$|^epoch_seconds$)"
)
"""What counts or times a training, and what a search tells about a candidate beside its score."""
_ORDER = (
    re.compile(r"^(mean_)?test(_\d+)?[_/]"),
    re.compile(r"^best_(cv_)?(score|value)$"),
    re.compile(r"^val(idation|id)?(_\d+)?[-_/]"),
    re.compile(r"^eval[-_/]"),
    re.compile(r"^(?!train(ing)?[-_/])"),
)
_SPLIT = re.compile(r"^(test|train(ing)?|val(id|idation)?|eval)(_\d+)?[-_/]")
_SCORES = (
    "accuracy",
    "roc_auc",
    "f1",
    "average_precision",
    "r2",
    "root_mean_squared_error",
    "rmse",
    "mean_absolute_error",
    "mae",
    "silhouette",
    "log_loss",
    "loss",
    "score",
    "value",
)


def rank_metrics(runs: Iterable[Iterable[str]], first: Sequence[str] = ()) -> list[str]:
    """Order the metrics of runs by what they tell about the models: held-out data first, then the well-known scores.

    Metrics of the machine and of autotrack itself are left out. Among equals, those that more runs have come first.

    Args:
        runs: For each run the keys of its metrics.
        first: Keys that come before all others.

    Example:
        >>> rank_metrics([["training_score", "test_f1_score", "test_accuracy_score", "system/cpu"]])
        ['test_accuracy_score', 'test_f1_score', 'training_score']
    """
    counts = Counter(key for keys in runs for key in keys if not is_background(key))
    order = sorted(counts, key=lambda key: (_group(key), _score(key), -counts[key], key))
    wanted = [key for key in first if key in counts or is_background(key)]
    return [*wanted, *(key for key in order if key not in wanted)]


def is_background(key: str) -> bool:
    """Say whether a metric is about the machine or about autotrack, not about the model."""
    return _LAST.match(key) is not None


def _group(key: str) -> int:
    if _MINOR.search(key):
        return len(_ORDER) + 1
    return next((at for at, pattern in enumerate(_ORDER) if pattern.match(key)), len(_ORDER))


def _score(key: str) -> int:
    """Place the well-known scores first, and their variants (f1_score_macro) after all of them."""
    words = _SPLIT.sub("", key).removesuffix("_score")
    if words in _SCORES:
        return _SCORES.index(words)
    return len(_SCORES) + next((at for at, word in enumerate(_SCORES) if word in words), len(_SCORES))
