"""Which calls record what: the outermost one that trains a model, and the parts of the library it calls for that."""

from __future__ import annotations

from typing import Any

from autotrack.boosting.containers import is_container, open_around
from autotrack.integration import Call


def is_own(call: Call, model: Any) -> bool:
    """Say whether every tracked call around `call` trains this very model: it is the fit of a subclass, say."""
    return all(_subject(outer) is model for outer in _around(call))


def is_part(call: Call, model: Any) -> bool:
    """Say whether every tracked call around `call` trains this model or a pipeline that ends in it.

    In a search, an ensemble or a cross-validation the model is one of many, and records nothing; that call has the run.
    """
    if all(_trains(outer, model) for outer in _around(call)):
        return True
    open_around(call)
    return False


def is_users_own(call: Call) -> bool:
    """Say whether no tracked call is around a function that the user calls; else that call has the run."""
    if call.parent is None:
        return True
    open_around(call)
    return False


def trained_by(call: Call) -> Any:
    """Return the estimator whose fit calls a training function, or None if the user does so himself."""
    return _subject(call.parent) if call.parent is not None else None


def _around(call: Call) -> list[Call]:
    found = []
    outer = call.parent
    while outer is not None:
        found.append(outer)
        outer = outer.parent
    return found


def _subject(call: Call) -> Any:
    return call.args[0] if call.args else None


def _trains(call: Call, model: Any) -> bool:
    return not is_container(call) and (_subject(call) is model or _ends_in(_subject(call), model))


def _ends_in(pipeline: Any, model: Any) -> bool:
    steps = getattr(pipeline, "steps", None)
    return isinstance(steps, list) and bool(steps) and isinstance(steps[-1], tuple) and steps[-1][-1] is model
