"""Use the user's model for our own ends without a trace: no run, no warning, no random number, no new attribute.

Warnings are held back by a filter of this very window: `warnings.catch_warnings` would do it for all threads at once,
restore a stale list where two threads overlap, and make Python show warnings again that the user has already seen.
Random states are compared before and after, and put back only where a prediction did draw from them.
"""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from autotrack.patching import nesting
from autotrack.patching.call import Call

_quiet: ContextVar[bool] = ContextVar("autotrack_quiet", default=False)


def is_quiet() -> bool:
    """Say whether this code runs in a block of `quietly`, for libraries that print what they have to say."""
    return _quiet.get()


class _Here:
    """The pattern of a warning filter that fits every text inside one call, and none elsewhere.

    scikit-learn hands the filters on to its workers, as texts of patterns to threads and pickled to processes.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    def match(self, text: str) -> bool:
        return nesting.active_call() is self._call

    @property
    def pattern(self) -> str:
        return "" if self.match("") else "(?!)"

    def __reduce__(self) -> Any:
        return re.compile, (self.pattern,)


@contextmanager
def quietly(call: Call, estimator: Any) -> Iterator[None]:
    """Leave no trace of what is done with `estimator` in the block.

    The block must run inside `call`, while it is under way: what the estimator does there is part of the tracked call,
    and so neither a run of its own nor a prediction of the user's.
    """
    attributes = dict(vars(estimator)) if hasattr(estimator, "__dict__") else {}
    put_back = [_remember_random(state) for state in _random_states(attributes)]
    token = _quiet.set(True)
    try:
        with np.errstate(all="ignore"), _no_warnings(call):
            yield
    finally:
        _quiet.reset(token)
        for restore in put_back:
            restore()
        if attributes:
            _restore_attributes(vars(estimator), attributes)


@contextmanager
def _no_warnings(call: Call) -> Iterator[None]:
    """Hold back warnings raised in this call; the version of the filters, and so all registries, stay as they are."""
    filters: Any = warnings.filters
    mine = ("ignore", _Here(call), Warning, None, 0)
    filters.insert(0, mine)
    try:
        yield
    finally:
        for position, entry in enumerate(filters):
            if entry is mine:
                del filters[position]
                break


def _random_states(attributes: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what a prediction may draw from: both global generators, and those the user gave to the estimator."""
    yield random
    yield np.random
    for value in attributes.values():
        if isinstance(value, (np.random.RandomState, np.random.Generator)):
            yield value


def _remember_random(source: Any) -> Callable[[], None]:
    """Return a function that puts a random state back if it has moved."""
    read, write = _access(source)
    before = read()

    def restore() -> None:
        if not _same(read(), before):
            write(before)

    return restore


def _access(source: Any) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    if source is random:
        return random.getstate, random.setstate
    if isinstance(source, np.random.Generator):
        generator: Any = source.bit_generator
        return lambda: generator.state, lambda state: setattr(generator, "state", state)
    return lambda: source.get_state(legacy=False), source.set_state


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return all(_same(value, other[key]) for key, value in one.items())
    return bool(np.array_equal(one, other)) if isinstance(one, np.ndarray) else bool(one == other)


def _restore_attributes(own: dict[str, Any], attributes: dict[str, Any]) -> None:
    for name in set(own) - set(attributes):
        del own[name]
    for name, value in attributes.items():
        if own.get(name) is not value:
            own[name] = value
