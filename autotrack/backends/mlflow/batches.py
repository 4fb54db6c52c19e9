"""Metrics, params and tags on their way to `runs/log-batch`, in requests that stay within the server's limits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from autotrack.backends.mlflow.client import MlflowClient
from autotrack.backends.mlflow.errors import TooLargeError
from autotrack.backends.mlflow.limits import server_key
from autotrack.records import MetricsLogged

MAX_ITEMS = 1_000
MAX_PARAMS = 100
MAX_TAGS = 100
MAX_BYTES = 900_000
NANOSECONDS_A_MILLISECOND = 1_000_000


class Batch(msgspec.Struct, frozen=True):
    """The entities of one request, each encoded as JSON already."""

    metrics: Sequence[bytes] = ()
    params: Sequence[bytes] = ()
    tags: Sequence[bytes] = ()

    def __len__(self) -> int:
        return len(self.metrics) + len(self.params) + len(self.tags)

    def body(self, run_id: str) -> bytes:
        """Return the request's body."""
        parts = [b'{"run_id":' + msgspec.json.encode(run_id)]
        for name, items in ((b"metrics", self.metrics), (b"params", self.params), (b"tags", self.tags)):
            if items:
                parts.append(b'"%s":[%s]' % (name, b",".join(items)))
        return b",".join(parts) + b"}"

    def halves(self) -> tuple[Batch, Batch]:
        """Part it; half of each kind goes first."""
        first, second = (
            Batch(*(_half(items, at) for items in (self.metrics, self.params, self.tags))) for at in (False, True)
        )
        return first, second


def _half(items: Sequence[bytes], second: bool) -> Sequence[bytes]:  # noqa: FBT001 - which half
    middle = (len(items) + 1) // 2
    return items[middle:] if second else items[:middle]


def metric_items(points: Iterable[MetricsLogged]) -> Iterator[bytes]:
    """Yield one encoded entity for each point; the time is that of logging, so a repetition is the same point."""
    for point in points:
        at = max(0, point.time // NANOSECONDS_A_MILLISECOND)
        for key, value in point.metrics.items():
            yield msgspec.json.encode(
                {"key": server_key(key), "value": _number(value), "timestamp": at, "step": point.step}
            )


def text_items(values: Mapping[str, str]) -> Iterator[bytes]:
    """Yield one encoded entity for each param or tag."""
    for key, value in values.items():
        yield msgspec.json.encode({"key": key, "value": value})


def _number(value: float) -> float | str:
    """Return what JSON has no number for in the words of the protocol."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def split(metrics: Iterable[bytes], params: Iterable[bytes] = (), tags: Iterable[bytes] = ()) -> Iterator[Batch]:
    """Part entities into batches that the server takes: params and tags first."""
    sources = [(MAX_PARAMS, list(params)), (MAX_TAGS, list(tags)), (MAX_ITEMS, list(metrics))]
    at = [0, 0, 0]
    while any(at[kind] < len(items) for kind, (_, items) in enumerate(sources)):
        taken: list[list[bytes]] = []
        room, size = MAX_ITEMS, 0
        for kind, (most, items) in enumerate(sources):
            chosen: list[bytes] = []
            while len(chosen) < min(most, room) and at[kind] < len(items):
                size += len(items[at[kind]]) + 1
                if size > MAX_BYTES and (chosen or any(taken)):
                    break
                chosen.append(items[at[kind]])
                at[kind] += 1
            room -= len(chosen)
            taken.append(chosen)
        yield Batch(params=taken[0], tags=taken[1], metrics=taken[2])


def send(client: MlflowClient, run_id: str, batch: Batch) -> None:
    """Send a batch, in smaller pieces where it is too large for the server or a proxy before it.

    Raises:
        TooLargeError: One entity alone is too large.
    """
    try:
        client.post("runs/log-batch", batch.body(run_id))
    except TooLargeError:
        if len(batch) == 1:
            raise
        for half in batch.halves():
            if len(half):
                send(client, run_id, half)
