"""Bring numbers from the device to the program in groups, so that no step of a training waits for the device.

A loss that was just computed on an accelerator is not there yet: the program runs ahead of the device. So values are
copied on their device, collected, and fetched together. On CUDA the copy runs beside the training into pinned memory,
and an event tells when it has arrived; elsewhere a group is read when the next one is full.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import torch

GROUP = 64
"""Values that are fetched together."""
AT_HAND = 512
"""Values that are recorded together where they need not be fetched."""
PATIENCE = 2.0
"""Seconds after which a smaller group is fetched too, so that people see a slow training go on."""

Values = dict[str, float]
Numbers = list[float | None]


class Parcel(NamedTuple):
    """Values on their way.

    Attributes:
        take: Called with `subject` and the numbers when they have arrived; None stands for what the program wrote over.
        subject: Whatever `take` needs to know what they are.
        tensors: Values of one element each.
        versions: Of their contents, where they are the program's own tensors; a value that was written to is lost.
    """

    take: Callable[[Any, Numbers], None]
    subject: Any
    tensors: list[torch.Tensor]
    versions: list[int] | None


def copy_of(value: torch.Tensor) -> torch.Tensor:
    """Return a value of one element as the program cannot change it any more, on its device."""
    return value.detach().clone().reshape(())


def tensor_of(number: float) -> torch.Tensor:
    """Return a number as a value in the program's main memory."""
    return torch.tensor(number, dtype=torch.float64, device="cpu")


class Transfer:
    """A queue of parcels, delivered in the order they were posted.

    It holds at most the group being filled and those on their way, which are read when there are more than two.
    """

    def __init__(self) -> None:
        self._parcels: list[Parcel] = []
        self._size = 0
        self._sent_at = perf_counter()
        self._on_the_way: deque[tuple[list[Parcel], list[list[int]], Shipment]] = deque()

    def post(
        self,
        take: Callable[[Any, Numbers], None],
        subject: Any,
        tensors: list[torch.Tensor],
        versions: list[int] | None = None,
    ) -> None:
        """Send values on their way; without any, `take` is called once all that was posted before has arrived."""
        if not (tensors or self._parcels or self._on_the_way):
            self._sent_at = perf_counter()
            take(subject, [])
            return
        self._parcels.append(Parcel(take, subject, tensors, versions))
        self._size += len(tensors)
        if self._size >= GROUP or self.is_late(perf_counter()):
            self.send()

    def is_late(self, now: float) -> bool:
        """Say whether people have waited long enough for what is here."""
        return now - self._sent_at > PATIENCE

    def send(self) -> None:
        """Send the group that is waiting, and take what has arrived."""
        parcels, self._parcels, self._size = self._parcels, [], 0
        self._sent_at = perf_counter()
        if parcels:
            lost = [_lost(parcel) for parcel in parcels]
            self._on_the_way.append((parcels, lost, Shipment([own for parcel in parcels for own in parcel.tensors])))
        while self._on_the_way and (len(self._on_the_way) > 2 or self._on_the_way[0][2].has_arrived()):
            self._deliver()

    def finish(self) -> None:
        """Send everything and wait for it."""
        self.send()
        while self._on_the_way:
            self._deliver()

    def _deliver(self) -> None:
        parcels, lost, shipment = self._on_the_way.popleft()
        numbers, at = shipment.open(), 0
        for parcel, places in zip(parcels, lost, strict=True):
            own: Numbers = [*numbers[at : at + len(parcel.tensors)]]
            for place in places:
                own[place] = None
            at += len(own)
            parcel.take(parcel.subject, own)


def _lost(parcel: Parcel) -> list[int]:
    """Return the places of values that the program has written over."""
    if parcel.versions is None:
        return []
    pairs = zip(parcel.tensors, parcel.versions, strict=True)
    return [place for place, (tensor, version) in enumerate(pairs) if tensor._version != version]  # noqa: SLF001


class Shipment:
    """Tensors of one element each, fetched with one copy for each device and type.

    Args:
        tensors: The values.
    """

    def __init__(self, tensors: list[torch.Tensor]) -> None:
        self._count = len(tensors)
        places: dict[tuple[torch.device, torch.dtype], list[int]] = {}
        for place, tensor in enumerate(tensors):
            places.setdefault((tensor.device, tensor.dtype), []).append(place)
        with torch.no_grad():
            self._boxes = [
                (where, *_shipped(torch.stack([_plain(tensors[place]) for place in where])))
                for where in places.values()
            ]

    def has_arrived(self) -> bool:
        """Say whether `open` would not wait."""
        return all(_is_here(box, event) for _, box, event in self._boxes)

    def open(self) -> list[float]:
        """Return the numbers in order, waiting for them where they are not there yet."""
        numbers = [0.0] * self._count
        for places, box, event in self._boxes:
            if event is not None:
                event.synchronize()
            for place, number in zip(places, box.tolist(), strict=True):
                numbers[place] = float(number)
        return numbers


def _plain(value: torch.Tensor) -> torch.Tensor:
    return value.reshape(()) if value.ndim else value


def _shipped(values: torch.Tensor) -> tuple[torch.Tensor, Any]:
    """Start to copy values to the program's memory; return where they will be and what tells that they are."""
    if not values.is_cuda:
        return values, None
    here = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    here.copy_(values, non_blocking=True)
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(values.device))
    return here, event


def _is_here(box: torch.Tensor, event: Any) -> bool:
    return bool(event.query()) if event is not None else box.device.type == "cpu"
