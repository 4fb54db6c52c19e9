"""Count what a server does, for Prometheus: requests and their time by kind and outcome, in all processes together.

Each process counts in a row of its own in memory that all share, so no process waits for another, and whichever is
asked answers for all of them.
"""

from __future__ import annotations

import multiprocessing
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

KINDS = ("log", "run", "search", "artifact", "registry", "page", "other")
"""What requests are about; few and fixed, so that nobody can make the table grow."""

OUTCOMES = ("2xx", "3xx", "4xx", "5xx")
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the times, in seconds; longer ones are counted too."""

_TIMES = len(BOUNDS) + 2  # one for what is longer, and the sum
_ROW = len(KINDS) * (len(OUTCOMES) + _TIMES) + 1
_RUNNING = _ROW - 1


class Meters:
    """The counters.

    Args:
        workers: How many processes count.
        number: Which of them this one is.
        memory: Given by `of`.
    """

    def __init__(self, workers: int, number: int = 0, memory: Any = None) -> None:
        self._workers, self._start = workers, number * _ROW
        self._memory = multiprocessing.get_context("spawn").RawArray("d", workers * _ROW) if memory is None else memory

    def of(self, number: int) -> Meters:
        """Return the counters for another process; a new process of a number goes on where the last one was."""
        self._memory[number * _ROW + _RUNNING] = 0.0
        return Meters(self._workers, number, self._memory)

    def begin(self) -> None:
        """Count a request that is being answered."""
        self._memory[self._start + _RUNNING] += 1

    def end(self, path: str, status: int, seconds: float) -> None:
        """Count a request that has been answered."""
        kind = KINDS.index(kind_of(path)) * (len(OUTCOMES) + _TIMES) + self._start
        times = kind + len(OUTCOMES)
        self._memory[kind + min(max(status // 100 - 2, 0), len(OUTCOMES) - 1)] += 1
        self._memory[times + bisect_left(BOUNDS, seconds)] += 1
        self._memory[times + _TIMES - 1] += seconds
        self._memory[self._start + _RUNNING] -= 1

    def text(self) -> str:
        """Write all counters as Prometheus reads them."""
        return "\n".join((*self._requests(), *self._durations(), *self._gauges(), ""))

    def _sum(self, offset: int) -> float:
        return float(sum(self._memory[row * _ROW + offset] for row in range(self._workers)))

    def _requests(self) -> Iterator[str]:
        yield "# HELP autotrack_requests_total Requests answered."
        yield "# TYPE autotrack_requests_total counter"
        for at, kind in enumerate(KINDS):
            for number, outcome in enumerate(OUTCOMES):
                count = self._sum(at * (len(OUTCOMES) + _TIMES) + number)
                yield f'autotrack_requests_total{{kind="{kind}",status="{outcome}"}} {count:.0f}'

    def _durations(self) -> Iterator[str]:
        name = "autotrack_request_seconds"
        yield f"# HELP {name} Time until a request was answered."
        yield f"# TYPE {name} histogram"
        for at, kind in enumerate(KINDS):
            start, total = at * (len(OUTCOMES) + _TIMES) + len(OUTCOMES), 0.0
            for number, bound in enumerate((*BOUNDS, "+Inf")):
                total += self._sum(start + number)
                yield f'{name}_bucket{{kind="{kind}",le="{bound}"}} {total:.0f}'
            yield f'{name}_sum{{kind="{kind}"}} {self._sum(start + _TIMES - 1):.6f}'
            yield f'{name}_count{{kind="{kind}"}} {total:.0f}'

    def _gauges(self) -> Iterator[str]:
        yield "# HELP autotrack_requests_running Requests being answered now."
        yield "# TYPE autotrack_requests_running gauge"
        yield f"autotrack_requests_running {self._sum(_RUNNING):.0f}"
        yield "# HELP autotrack_workers Processes that answer."
        yield "# TYPE autotrack_workers gauge"
        yield f"autotrack_workers {self._workers}"


def kind_of(path: str) -> str:
    """Say what a request is about."""
    parts = path.split("/", 5)
    if len(parts) < 5 or parts[1] not in {"api", "ajax-api"}:
        return "page"
    if parts[3] == "mlflow-artifacts" or parts[4] == "artifacts":
        return "artifact"
    if parts[4] in {"registered-models", "model-versions"}:
        return "registry"
    what = parts[5] if len(parts) > 5 else ""
    if what.startswith(("log-", "set-tag", "outputs")):
        return "log"
    if what.startswith(("search", "get-history")):
        return "search"
    return "run" if parts[4] in {"runs", "experiments", "logged-models", "metrics"} else "other"
