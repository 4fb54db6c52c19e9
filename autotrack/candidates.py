"""What all searches over parameters leave behind: the table of all candidates, and child runs for the best few."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from autotrack import names
from autotrack.capture.arguments import plain
from autotrack.records import FAILED, FINISHED
from autotrack.run import Run

MAX_NAME_LENGTH = 100


class Candidate(NamedTuple):
    """One of the settings that a search tried.

    Attributes:
        name: What to call its run; see `candidate_name`.
        params: All of its parameters, those that the search did not vary too.
        scores: Its numbers.
        folds: The numbers of each fold, in order.
        error: Why it has no score, or None.
    """

    name: str
    params: Mapping[str, Any]
    scores: Mapping[str, float]
    folds: Sequence[Mapping[str, float]] = ()
    error: str | None = None


def log_candidates(
    run: Run,
    candidates: Iterable[Candidate],
    table: Mapping[str, Any],
    *,
    count: int,
    max_children: int,
    tags: Mapping[str, str],
) -> list[Run]:
    """Log what a search tried.

    Args:
        run: The run of the search.
        candidates: The best first; no more of them are asked for than get a run.
        table: All candidates, a list for each column.
        count: How many candidates there are.
        max_children: How many of them get a run of their own.
        tags: Of these runs.

    Returns:
        The child runs, ended, in the order of `candidates`.
    """
    run.defer("writing the candidates", lambda: run.log_table(table, names.CV_RESULTS))
    children = [_log_child(run, candidate, tags) for candidate in islice(candidates, max_children)]
    if count > len(children):
        message = f"{len(children)} of {count} candidates have a run of their own; all are in {names.CV_RESULTS}"
        run.note("search.children", message)
    return children


def _log_child(run: Run, candidate: Candidate, tags: Mapping[str, str]) -> Run:
    child = Run(candidate.name, experiment=run.experiment, parent_id=run.id, source=run.source, tags=tags)
    child.log_params({name: plain(value) for name, value in candidate.params.items()})
    child.log_metrics(candidate.scores)
    for step, fold in enumerate(candidate.folds):
        child.log_metrics(fold, step)
    child.end(FAILED if candidate.error else FINISHED, candidate.error)
    return child


def candidate_name(params: Iterable[tuple[str, Any]]) -> str:
    """Return the name of a candidate's run.

    Args:
        params: What the search varied, by the names that people know.

    Example:
        >>> candidate_name([("C", 0.1), ("kernel", "rbf")])
        'C=0.1, kernel=rbf'
    """
    text = ", ".join(f"{name}={_short(value)}" for name, value in params)
    return text if len(text) <= MAX_NAME_LENGTH else f"{text[: MAX_NAME_LENGTH - 1]}…"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(plain(value))
