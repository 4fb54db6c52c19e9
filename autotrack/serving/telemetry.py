"""Counters of all workers of a server, in the text format of Prometheus.

Each worker counts in a file of its own, which is mapped into its memory. Whichever worker is asked adds up all of them,
those of workers that have ended too: a counter never falls.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate
from pathlib import Path

import numpy as np

CODES = (200, 400, 404, 405, 413, 415, 421, 500, 503, 504)
"""Every status that the server answers with."""
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histograms, in seconds."""
_HISTOGRAM = len(BUCKETS) + 2  # one for what is longer, one for the sum
_REQUESTS, _ROWS, _ANSWERS, _PREDICTIONS = 0, len(CODES), len(CODES) + 1, len(CODES) + 1 + _HISTOGRAM
_SIZE = _PREDICTIONS + _HISTOGRAM
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Telemetry:
    """The counters of one worker; only one thread may count.

    Args:
        directory: Of all workers of a server.
        info: What to say about the model.
    """

    def __init__(self, directory: Path, info: Mapping[str, str]) -> None:
        self._directory = directory
        self._info = info
        self._counts = np.memmap(directory / f"{os.getpid()}.counts", dtype=np.float64, mode="w+", shape=(_SIZE,))
        self._last = (0, 0)

    def answered(self, status: int, seconds: float) -> None:
        """Count an answer to a scoring request."""
        self._counts[_REQUESTS + CODES.index(status)] += 1
        self._observe(_ANSWERS, seconds)

    def predicted(self, rows: int, seconds: float) -> None:
        """Count rows that the model has predicted, and the time that it took."""
        self._counts[_ROWS] += rows
        self._observe(_PREDICTIONS, seconds)

    def _observe(self, at: int, seconds: float) -> None:
        self._counts[at + bisect_left(BUCKETS, seconds)] += 1
        self._counts[at + _HISTOGRAM - 1] += seconds

    def since_last(self) -> tuple[int, int]:
        """Return how many requests this worker has answered since this was called last, and how many with an error."""
        by_status = self._counts[_REQUESTS:_ROWS]
        (requests, errors), last = (int(by_status.sum()), int(by_status[1:].sum())), self._last
        self._last = (requests, errors)
        return requests - last[0], errors - last[1]

    def text(self) -> str:
        """Return the counters of the whole server."""
        files = sorted(self._directory.glob("*.counts"))
        counts = [np.fromfile(file) for file in files]
        total = np.sum([one for one in counts if len(one) == _SIZE], axis=0)  # the file of one that starts is empty
        return "\n".join([*_lines(total.tolist(), self._info), ""])


def _lines(total: list[float], info: Mapping[str, str]) -> Iterator[str]:
    yield "# HELP autotrack_model_info The model that is served."
    yield "# TYPE autotrack_model_info gauge"
    yield f"autotrack_model_info{{{','.join(f'{name}={_quoted(text)}' for name, text in info.items())}}} 1"
    yield "# HELP autotrack_requests_total Answers to POST /invocations by status."
    yield "# TYPE autotrack_requests_total counter"
    for code, count in zip(CODES, total[_REQUESTS:], strict=False):
        yield f'autotrack_requests_total{{code="{code}"}} {count:.0f}'
    yield "# HELP autotrack_rows_total Rows that were predicted."
    yield "# TYPE autotrack_rows_total counter"
    yield f"autotrack_rows_total {total[_ROWS]:.0f}"
    yield from _histogram("autotrack_request_seconds", "From the head of a request to its answer.", total[_ANSWERS:])
    yield from _histogram(
        "autotrack_prediction_seconds", "In the model, with the check of its input.", total[_PREDICTIONS:]
    )


def _histogram(name: str, meaning: str, counts: list[float]) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} histogram"
    below = list(accumulate(counts[: len(BUCKETS) + 1]))
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), below, strict=True):
        yield f'{name}_bucket{{le="{bound}"}} {count:.0f}'
    yield f"{name}_sum {counts[_HISTOGRAM - 1]!r}"
    yield f"{name}_count {below[-1]:.0f}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
