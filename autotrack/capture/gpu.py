"""NVIDIA GPUs through the driver's management library: what they are called and how busy they are.

Nothing here creates a CUDA context or imports a framework. Without `nvidia-ml-py` or without a driver there are simply
no GPUs.
"""

from __future__ import annotations

import importlib
from typing import Any

_MEGABYTE = 1e6


class Gpus:
    """A session with the management library; the caller closes it.

    Example:
        >>> from contextlib import closing
        >>> with closing(Gpus()) as gpus:
        ...     names = gpus.names()
    """

    def __init__(self) -> None:
        self._library = _open_library()
        self._handles: list[Any] = []
        if self._library is not None:
            count = self._library.nvmlDeviceGetCount()
            self._handles = [self._library.nvmlDeviceGetHandleByIndex(index) for index in range(count)]

    def close(self) -> None:
        """End the session; the object is then one without GPUs."""
        if self._library is not None:
            self._library.nvmlShutdown()
            self._library = None
            self._handles = []

    def names(self) -> list[str]:
        """Return the names in the order of the driver."""
        names = (self._library.nvmlDeviceGetName(handle) for handle in self._handles)
        return [name.decode() if isinstance(name, bytes) else str(name) for name in names]

    def metrics(self) -> dict[str, float]:
        """Return the metrics of all GPUs under MLflow's names, `system/gpu_{i}_...`; what a GPU lacks is left out."""
        return {
            f"system/gpu_{index}_{name}": value
            for index, handle in enumerate(self._handles)
            for read in (self._memory, self._utilization, self._power)
            for name, value in self._supported(read, handle).items()
        }

    def energies(self) -> dict[int, float]:
        """Return the joules since the driver was loaded of the GPUs that count them (Volta and later), by index."""
        return self._of_each("nvmlDeviceGetTotalEnergyConsumption")  # in millijoules

    def powers(self) -> dict[int, float]:
        """Return the watts that GPUs take at this moment, by index."""
        return self._of_each("nvmlDeviceGetPowerUsage")  # in milliwatts

    def _of_each(self, function: str) -> dict[int, float]:
        read = getattr(self._library, function, None)
        if read is None:  # the library of an old driver
            return {}
        found = [self._supported(lambda handle: {"value": read(handle) / 1000.0}, handle) for handle in self._handles]
        return {index: each["value"] for index, each in enumerate(found) if each}

    def _supported(self, read: Any, handle: Any) -> dict[str, float]:
        try:
            values: dict[str, float] = read(handle)
        except self._library.NVMLError:
            return {}
        return values

    def _memory(self, handle: Any) -> dict[str, float]:
        memory = self._library.nvmlDeviceGetMemoryInfo(handle)
        return {
            "memory_usage_megabytes": memory.used / _MEGABYTE,
            "memory_usage_percentage": 100.0 * memory.used / memory.total,
        }

    def _utilization(self, handle: Any) -> dict[str, float]:
        return {"utilization_percentage": float(self._library.nvmlDeviceGetUtilizationRates(handle).gpu)}

    def _power(self, handle: Any) -> dict[str, float]:
        watts = self._library.nvmlDeviceGetPowerUsage(handle) / 1000.0  # milliwatts
        limit = self._library.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000.0
        return {"power_usage_watts": watts, "power_usage_percentage": 100.0 * watts / limit}


def _open_library() -> Any:
    try:
        library: Any = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        library.nvmlInit()
    except library.NVMLError:  # no driver
        return None
    return library
