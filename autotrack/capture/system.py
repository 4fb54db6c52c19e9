"""How busy the machine is while a run lasts: processor, memory, disk, network and GPUs, sampled by a thread of its own.

Names are MLflow's. One sampler may serve any number of runs: it hands each sample to one function, which spreads it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any, TypeVar

import psutil

from autotrack.capture.energy import ENERGY, JOULES_PER_KWH, EnergyMeter
from autotrack.capture.gpu import Gpus

_MEGABYTE = 1e6

T = TypeVar("T")
Reader = Callable[[], dict[str, float]]


class SystemSampler:
    """Measure the machine at regular intervals until stopped.

    Nothing raised in the thread gets out of it: a reader that fails is not asked again, a failing `emit` ends the
    sampling, and `failures` says why. In a forked child the sampler is simply not running.

    Args:
        interval: Seconds between two samples.
        emit: Takes the metrics of one sample and its index, in the sampler's thread.
        first_after: Seconds until the first sample, so that short runs get one; at most `interval`.
        wait: Waits for so many seconds and returns True as soon as the sampler shall stop; for tests.

    Example:
        >>> sampler = SystemSampler(10.0, lambda metrics, step: print(step, metrics))
        >>> sampler.start()
        >>> sampler.stop()
        True
    """

    def __init__(
        self,
        interval: float,
        emit: Callable[[dict[str, float], int], None],
        *,
        first_after: float = 1.0,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._interval = interval
        self._first_after = min(first_after, interval)
        self._emit = emit
        self._wait = wait
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._process_id = 0
        self._failures: dict[str, str] = {}

    @property
    def failures(self) -> dict[str, str]:
        """What could not be measured, and why: name of the reader to message."""
        return dict(self._failures)

    @property
    def running(self) -> bool:
        """True while the thread is alive in this process."""
        return self._thread is not None and self._process_id == os.getpid() and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; a running sampler goes on as it is. After `stop` it begins anew, with step 0."""
        if self.running:
            return
        self._stopping = threading.Event()  # a new one: after a fork, the lock of the old one may be held for ever
        self._process_id = os.getpid()
        wait = self._wait or self._stopping.wait
        self._thread = threading.Thread(target=self._run, args=(wait,), name="autotrack-system", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> bool:
        """Ask the thread to end and wait for it.

        Args:
            timeout: Seconds to wait at most; a sample that is being taken is finished.

        Returns:
            True where no thread is left.
        """
        if self._thread is not None and self.running:
            self._stopping.set()
            self._thread.join(timeout)
        return not self.running

    def _run(self, wait: Callable[[float], bool]) -> None:
        with ExitStack() as stack:
            readers = {name: reader for name, make in _MAKERS.items() if (reader := self._attempt(name, make, stack))}
            step = 0
            delay = self._first_after
            while not wait(delay) and "emit" not in self._failures:
                self._attempt("emit", self._emit, self._sample(readers), step)
                step += 1
                delay = self._interval

    def _sample(self, readers: dict[str, Reader]) -> dict[str, float]:
        metrics: dict[str, float] = {}
        for name, read in readers.items():
            if name not in self._failures:
                metrics |= self._attempt(name, read) or {}
        return metrics

    def _attempt(self, name: str, function: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001  (the user's program must not see it; `failures` does)
            self._failures[name] = f"{type(error).__name__}: {error}"
            return None


def _cpu_reader(_: ExitStack) -> Reader:
    """Measure from differences of our own: `psutil.cpu_percent` would share its state with the user's calls."""
    last = _cpu_seconds()

    def read() -> dict[str, float]:
        nonlocal last
        busy, total = _cpu_seconds()
        share = (busy - last[0]) / (total - last[1]) if total > last[1] else 0.0
        last = (busy, total)
        return {"system/cpu_utilization_percentage": 100.0 * min(1.0, max(0.0, share))}

    return read


def _cpu_seconds() -> tuple[float, float]:
    times: dict[str, Any] = psutil.cpu_times()._asdict()
    guest = times.get("guest", 0.0) + times.get("guest_nice", 0.0)  # Linux counts it in user and nice as well
    total = sum(times.values()) - guest
    return total - times["idle"] - times.get("iowait", 0.0), total


def _memory() -> dict[str, float]:
    memory = psutil.virtual_memory()
    return {
        "system/system_memory_usage_megabytes": memory.used / _MEGABYTE,
        "system/system_memory_usage_percentage": float(memory.percent),
    }


def _disk() -> dict[str, float]:
    disk = psutil.disk_usage(os.sep)
    return {
        "system/disk_usage_percentage": float(disk.percent),
        "system/disk_usage_megabytes": disk.used / _MEGABYTE,
        "system/disk_available_megabytes": disk.free / _MEGABYTE,
    }


def _network_reader(_: ExitStack) -> Reader:
    """Count the traffic since the sampler began, as MLflow does."""
    first = psutil.net_io_counters()

    def read() -> dict[str, float]:
        now = psutil.net_io_counters()
        if now is None or first is None:  # no network interface
            return {}
        return {
            "system/network_receive_megabytes": (now.bytes_recv - first.bytes_recv) / _MEGABYTE,
            "system/network_transmit_megabytes": (now.bytes_sent - first.bytes_sent) / _MEGABYTE,
        }

    return read


def _process_reader(_: ExitStack) -> Reader:
    process = psutil.Process()
    process.cpu_percent()  # the first call only sets the beginning

    def read() -> dict[str, float]:
        return {
            "system/process_memory_megabytes": process.memory_info().rss / _MEGABYTE,
            "system/process_cpu_percentage": process.cpu_percent(),
        }

    return read


def _gpu_reader(stack: ExitStack) -> Reader:
    return stack.enter_context(closing(Gpus())).metrics


def _energy_reader(stack: ExitStack) -> Reader:
    """Count energy since the sampler began, in kWh; `EnergyOfRuns` makes that of single runs."""
    meter = EnergyMeter(stack.enter_context(closing(Gpus())))
    return lambda: {f"system/{part}{ENERGY}": joules / JOULES_PER_KWH for part, joules in meter.read().items()}


_MAKERS: dict[str, Callable[[ExitStack], Reader]] = {
    "cpu": _cpu_reader,
    "memory": lambda _: _memory,
    "disk": lambda _: _disk,
    "network": _network_reader,
    "process": _process_reader,
    "gpu": _gpu_reader,
    "energy": _energy_reader,
}
