"""Which data a trained model was evaluated on, so that what it predicts for them later can be evaluated too.

Nothing is kept alive: inputs and truth are known by weak references, as long as the program has them.
"""

from __future__ import annotations

import weakref
from typing import Any

from autotrack.integrations.keras.data import Split
from autotrack.run import Run


class KnownSplits:
    """The splits of one run.

    Attributes:
        seconds_per_row: What training took for a row, None where nobody knows.
    """

    def __init__(self) -> None:
        self.seconds_per_row: float | None = None
        self._splits: dict[str, tuple[weakref.ref[Any], weakref.ref[Any] | None]] = {}
        self._evaluations: dict[str, int] = {}
        self._done: set[str] = set()

    def name_for(self, x: Any, y: Any, wanted: str) -> str:
        """Return what to call data: as before where they are known, else `wanted`, with a number if that is taken."""
        known = self.find(x)
        if known is not None:
            return known.name
        number, name = 1, wanted
        while name in self._splits and self._splits[name][0]() is not x:
            number += 1
            name = f"{wanted}_{number}"
        self._remember(name, x, y)
        return name

    def _remember(self, name: str, x: Any, y: Any) -> None:
        try:
            self._splits[name] = weakref.ref(x), None if y is None else weakref.ref(y)
        except TypeError:  # lists and tuples
            return

    def find(self, x: Any) -> Split | None:
        """Return the split whose inputs are this very object."""
        for name, (inputs, truth) in self._splits.items():
            if inputs() is x:
                return Split(name, x, truth() if truth is not None else None)
        return None

    def next_step(self, name: str) -> int:
        """Return how often this split was evaluated before, and count one more."""
        step = self._evaluations.get(name, 0)
        self._evaluations[name] = step + 1
        return step

    def first_evaluation(self, name: str) -> bool:
        """Say whether a split has no whole evaluation yet; the first time that somebody asks."""
        first = name not in self._done
        self._done.add(name)
        return first

    def forget_evaluation(self, name: str) -> None:
        """Let a split be evaluated later, because it could not be now."""
        self._done.discard(name)


_known: weakref.WeakKeyDictionary[Run, KnownSplits] = weakref.WeakKeyDictionary()


def known_splits(run: Run) -> KnownSplits:
    """Return the splits of a run."""
    found = _known.get(run)
    if found is None:
        found = _known[run] = KnownSplits()
    return found
