"""A search over parameters, as one run: the table of all candidates, the best one, child runs for the best few.

Everything is read from `cv_results_` when the search is over, so it is the same for any number of jobs, and for any
subclass of `BaseSearchCV`, here or elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from autotrack import names
from autotrack.candidates import Candidate, candidate_name, log_candidates
from autotrack.capture.arguments import plain
from autotrack.run import Run

_SPLIT = re.compile(r"split(\d+)_((?:test|train)_.+)")


def log_search(run: Run, search: Any, max_children: int) -> None:
    """Log what a fitted search found out.

    Args:
        run: Its run.
        search: The search; one that has no `cv_results_` leaves a note.
        max_children: How many of the best candidates get a run of their own.
    """
    results = getattr(search, "cv_results_", None)
    if not isinstance(results, Mapping) or "params" not in results:
        run.note("search.unknown", f"{type(search).__name__} has no cv_results_ with params")
        return
    _log_best(run, search)
    _log_halving(run, search)
    order = _each_once(results, best_first(search, results))
    log_candidates(
        run,
        (_candidate(search, results, at) for at in order),
        dict(results),
        count=len(order),
        max_children=max_children,
        tags={names.AUTOLOGGING: "sklearn", names.ESTIMATOR_NAME: type(search.estimator).__name__},
    )


def _log_best(run: Run, search: Any) -> None:
    own = vars(search)
    run.log_params({f"best_{name}": plain(value) for name, value in (own.get("best_params_") or {}).items()})
    numbers = {names.BEST_CV_SCORE: "best_score_", "best_index": "best_index_", "refit_time": "refit_time_"}
    run.log_metrics({metric: own[name] for metric, name in numbers.items() if own.get(name) is not None})
    n_splits = getattr(search, "n_splits_", None)
    run.log_metrics({"n_candidates": len(search.cv_results_["params"]), **({"n_splits": n_splits} if n_splits else {})})


def _log_halving(run: Run, search: Any) -> None:
    """Log candidates and resources of each iteration of a successive halving."""
    for attribute, metric in (("n_candidates_", "halving_candidates"), ("n_resources_", "halving_resources")):
        values = vars(search).get(attribute)
        if isinstance(values, list):
            for step, value in enumerate(values):
                run.log_metric(metric, value, step)


def best_first(search: Any, results: Mapping[str, Any]) -> Any:
    """Return positions of the candidates, the best first: the one that was chosen, then by iteration and rank.

    Of several metrics, the one the search refits for counts, else the first.
    """
    count = len(results["params"])
    ranks = np.asarray(results.get(_rank_column(search, results), np.arange(count)))
    iterations = np.asarray(results.get("iter", np.zeros(count)))  # a later iteration of a halving beats a better rank
    chosen = np.arange(count) != vars(search).get("best_index_", -1)
    return np.lexsort((ranks, -iterations, chosen))


def _each_once(results: Mapping[str, Any], order: Any) -> list[int]:
    """Return the candidates of a halving only at the last iteration they took part in."""
    if "iter" not in results:
        return [int(at) for at in order]
    last: dict[str, int] = {}
    for at in order:
        last.setdefault(repr(results["params"][at]), int(at))
    return list(last.values())


def _rank_column(search: Any, results: Mapping[str, Any]) -> str:
    refit = getattr(search, "refit", None)
    wanted = f"rank_test_{refit}" if isinstance(refit, str) else "rank_test_score"
    if wanted in results:
        return wanted
    return next((name for name in results if name.startswith("rank_test_")), wanted)


def _candidate(search: Any, results: Mapping[str, Any], at: int) -> Candidate:
    params = results["params"][at]
    scores = dict(_scores(results, at))
    means = [value for name, value in scores.items() if name.startswith("mean_test_")]
    failed = bool(means) and all(np.isnan(value) for value in means)
    return Candidate(
        name=candidate_name((name.rpartition("__")[2], value) for name, value in params.items()),
        params={**_base_params(search), **params},
        scores=scores,
        folds=_splits(results, at),
        error="every fit of this candidate failed" if failed else None,
    )


def _base_params(search: Any) -> dict[str, Any]:
    try:
        params: dict[str, Any] = search.estimator.get_params(deep=True)
    except Exception:  # noqa: BLE001 - the run of the search says so already, and the candidate's own params are known
        return {}
    return params


def _scores(results: Mapping[str, Any], candidate: int) -> Iterator[tuple[str, float]]:
    """Yield MLflow's metrics of a candidate: every number that is neither a parameter nor of one split."""
    for name, column in results.items():
        values = np.asarray(column)
        if not name.startswith(("param", "split")) and values.dtype.kind in "iuf":
            yield name, float(values[candidate])


def _splits(results: Mapping[str, Any], candidate: int) -> list[dict[str, float]]:
    """Return for each split its scores, under names like "split_test_score"."""
    splits: dict[int, dict[str, float]] = {}
    for name, column in results.items():
        found = _SPLIT.fullmatch(name)
        if found is not None:
            splits.setdefault(int(found[1]), {})[f"split_{found[2]}"] = float(column[candidate])
    return [splits[at] for at in sorted(splits)]
