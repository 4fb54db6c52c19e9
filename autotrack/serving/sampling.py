"""`Sampler`: keep a few rows of what the model is asked, each with the same chance, whatever comes."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from autotrack.models.batch import as_table
from autotrack.models.signature import data_kind
from autotrack.models.tables import to_pandas
from autotrack.serving.messages import Window

ROWS = 200
"""Rows kept of a window."""
LATENCIES = 500
"""Requests of a window whose time is kept."""
WIDEST = 1_000
"""Rows of more values are not kept: they are pictures or texts, not columns."""


class Reservoir:
    """A uniform sample of a stream: each item gets a random number, those with the smallest stay.

    Args:
        size: How many items to keep.
        random: Where the numbers come from; a generator of its own, so that no seed of the model's is touched.
    """

    def __init__(self, size: int, random: np.random.Generator) -> None:
        self._size = size
        self._random = random
        self._order = itertools.count()  # items themselves are never compared
        self._heap: list[tuple[float, int, Any]] = []

    def offer(self, count: int, make: Callable[[list[int]], list[Any]]) -> None:
        """Offer `count` items, of which only those that are chosen are made."""
        keys = self._random.random(count)
        chosen = np.argsort(keys)[: self._size]
        if len(self._heap) == self._size:
            chosen = chosen[keys[chosen] < -self._heap[0][0]]
        if not len(chosen):
            return
        chosen = np.sort(chosen)
        for key, item in zip(keys[chosen].tolist(), make(chosen.tolist()), strict=True):
            heapq.heappush(self._heap, (-key, next(self._order), item))
            if len(self._heap) > self._size:
                heapq.heappop(self._heap)

    def take(self) -> list[Any]:
        """Return the items in the order in which they came, and begin anew."""
        items = [item for _, _, item in sorted(self._heap, key=lambda entry: entry[1])]
        self._heap = []
        return items


class Sampler:
    """Samples of a worker's current window. Safe to use from several threads."""

    def __init__(self) -> None:
        random = np.random.default_rng()
        self._rows = Reservoir(ROWS, random)
        self._seconds = Reservoir(LATENCIES, random)
        self._count = 0
        self._lock = threading.Lock()

    def observe(self, data: Any, predictions: Any, seconds: float) -> None:
        """Look at one answer; see `Scorer`."""
        with self._lock:
            self._seconds.offer(1, lambda _: [seconds])
            table = _table(data)
            if table is None or not len(table):
                return
            self._count += len(table)
            outputs = as_table(predictions, table.index) if _fits(predictions, len(table)) else None
            self._rows.offer(len(table), lambda at: _encode(table, outputs, at, seconds))

    def take(self, requests: int, errors: int) -> Window:
        """Return the window, and begin a new one.

        Args:
            requests: Answers in the window.
            errors: Those among them with an error.
        """
        with self._lock:
            rows, self._count = self._count, 0
            return Window(requests, errors, rows, self._seconds.take(), list(map(msgspec.Raw, self._rows.take())))


def _table(data: Any) -> Any:
    """Return the data as a table; None for what has no columns: pictures, sequences, documents."""
    kind = data_kind(data)
    if kind == "array" and data.ndim != 2:
        return None
    if isinstance(data, Mapping) and any(np.ndim(value) > 1 for value in data.values()):
        return None
    if kind == "list" and np.ndim(data[0]) != 1 and not isinstance(data[0], Mapping):
        return None
    table = to_pandas(data) if kind is not None or isinstance(data, Mapping) else None
    return table if table is not None and table.shape[1] <= WIDEST else None


def _fits(predictions: Any, rows: int) -> bool:
    return hasattr(predictions, "__len__") and len(predictions) == rows and np.ndim(predictions) <= 2


def _encode(table: Any, outputs: Any, at: list[int], seconds: float) -> list[bytes]:
    inputs = table.iloc[at].to_dict(orient="records")
    answers = [{}] * len(at) if outputs is None else outputs.iloc[at].to_dict(orient="records")
    now = time.time_ns()
    return [
        _ENCODER.encode({"time": now, "seconds": seconds, "inputs": row, "predictions": answer})
        for row, answer in zip(inputs, answers, strict=True)
    ]


_ENCODER = msgspec.json.Encoder(enc_hook=str)
