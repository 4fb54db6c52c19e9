"""Which run trained which estimator, known without a trace on the estimator and without keeping it alive.

An attribute on the estimator would travel with the user's pickles and clones, so the map is kept by identity here. A
weak reference takes the entry out when the estimator goes, before its id can be given to another object.
"""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

from autotrack.held_out.samples import digest
from autotrack.run import Run


class Training(NamedTuple):
    """One training of one estimator.

    Attributes:
        estimator: Weak reference to it.
        run: The run that recorded the training.
        target: Digest of the labels or values it was trained on, to know them again.
    """

    estimator: weakref.ref[Any]
    run: Run
    target: bytes | None


_trainings: dict[int, Training] = {}


def remember(estimator: Any, run: Run, target: Any = None) -> None:
    """Note that `run` trained `estimator` on `target`; a later training of the same object replaces it."""
    key = id(estimator)

    def autotrack_forget(reference: weakref.ref[Any]) -> None:
        known = _trainings.get(key)
        if known is not None and known.estimator is reference:
            del _trainings[key]

    try:
        reference = weakref.ref(estimator, autotrack_forget)
    except TypeError:  # its class has __slots__ without __weakref__: an id alone could be given to another object
        return
    _trainings[key] = Training(reference, run, digest(target))


def training_of(estimator: Any) -> Training | None:
    """Return the last training of this very object, or None."""
    known = _trainings.get(id(estimator))
    return known if known is not None and known.estimator() is estimator else None


def run_of(estimator: Any) -> Run | None:
    """Return the run that trained this very object last, or None."""
    known = training_of(estimator)
    return known.run if known is not None else None


def forget_all() -> None:
    """Forget every estimator."""
    _trainings.clear()
