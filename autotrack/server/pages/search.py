"""The page of a search or a cross-validation: its candidates, the trials of a study, its folds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.exceptions import HTTPException

from autotrack.names import CV_FOLDS, CV_RESULTS, TRIALS
from autotrack.server.artifacts import TABLE_BYTES, read_text
from autotrack.server.context import library_of, run_id_of
from autotrack.server.csv_table import CsvTable, parse_csv
from autotrack.server.pages.frame import run_page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from autotrack.server.library import Library

_CANDIDATE = ("rank_test", "param_", "mean_test", "std_test", "mean_train", "std_train", "split")
_BESIDE_VALUES = frozenset({"number", "state", "duration_seconds"})


class Candidates(msgspec.Struct, frozen=True):
    """What was tried.

    Attributes:
        axes: The columns that parallel coordinates show: what was chosen, then how well it did.
        score: The column that colours them; empty where there is none.
    """

    name: str
    table: CsvTable
    axes: list[str]
    score: str


def show_search(request: Request) -> Response:
    """Show all candidates of a search or trials of a study, and the folds of a cross-validation."""
    found = read_search(library_of(request), run_id_of(request))
    if found["candidates"] is None and found["folds"] is None:
        raise HTTPException(404)
    return run_page(request, "search.html", "search", **found)


def read_search(library: Library, run_id: str) -> dict[str, Any]:
    """Read the candidates and the folds of a run; None for those that it has not."""
    results, trials, folds = (_read(library, run_id, path) for path in (CV_RESULTS, TRIALS, CV_FOLDS))
    candidates = _of_search(results) if results else _of_study(trials) if trials else None
    return {"candidates": candidates, "folds": folds}


def _read(library: Library, run_id: str, path: str) -> CsvTable | None:
    text = read_text(library, run_id, path, TABLE_BYTES)
    return parse_csv(text) if text else None


def _of_search(table: CsvTable) -> Candidates:
    table = _telling_first(table)
    scores = [name for name in table.head if name.startswith("mean_test_")]
    times = [name for name in table.head if name == "mean_fit_time"]
    params = [name for name in table.head if name.startswith("param_")]
    return Candidates("Candidates", table, [*params, *times, *scores], scores[0] if scores else "")


def _of_study(table: CsvTable) -> Candidates:
    params = [name for name in table.head if name.startswith("params_")]
    others = [
        name for name in table.head if not name.startswith(("params_", "user_attrs_")) and name not in _BESIDE_VALUES
    ]
    return Candidates("Trials", table, [*params, *others], others[0] if others else "")


def _telling_first(table: CsvTable) -> CsvTable:
    """Put what was tried and how well it did before times and folds, and the best candidate first."""
    order = sorted(range(len(table.head)), key=lambda at: _candidate_rank(table.head[at]))
    rows = [[row[at] for at in order if at < len(row)] for row in table.rows]
    head = [table.head[at] for at in order]
    if head and head[0].startswith(_CANDIDATE[0]):
        rows.sort(key=lambda row: as_rank(row[0]) if row else math.inf)
    return CsvTable(head, rows, table.more)


def as_rank(text: str) -> float:
    """Read the rank of a candidate; one without comes last."""
    try:
        rank = float(text)
    except ValueError:
        return math.inf
    return math.inf if math.isnan(rank) else rank


def _candidate_rank(name: str) -> int:
    return next((at for at, start in enumerate(_CANDIDATE) if name.startswith(start)), len(_CANDIDATE))
