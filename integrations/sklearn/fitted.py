"""Which run trained which estimator, known without a trace on the estimator and without keeping it alive.

An attribute on the estimator would travel with the user's pickles and clones, so the map is kept by identity here. A
weak reference takes the entry out when the estimator goes, before its id can be given to another object.
"""

from __future__ import annotations

import weakref
from typing import Any

from autotrack.run import Run

_runs: dict[int, tuple[weakref.ref[Any], Run]] = {}


def remember(estimator: Any, run: Run) -> None:
    """Note that `run` trained `estimator`; a later training of the same object replaces it."""
    key = id(estimator)

    def forget(reference: weakref.ref[Any]) -> None:
        known = _runs.get(key)
        if known is not None and known[0] is reference:
            del _runs[key]

    try:
        _runs[key] = (weakref.ref(estimator, forget), run)
    except TypeError:  # its class has __slots__ without __weakref__: an id alone could be given to another object
        return


def run_of(estimator: Any) -> Run | None:
    """Return the run that trained this very object last, or None."""
    known = _runs.get(id(estimator))
    return known[1] if known is not None and known[0]() is estimator else None


def forget_all() -> None:
    """Forget every estimator."""
    _runs.clear()
