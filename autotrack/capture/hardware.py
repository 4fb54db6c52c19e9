"""The machine: processors and memory that this process may use, and the names of its GPUs.

In a container the machine's own figures mislead: limits set by control groups and by CPU affinity are what counts.
"""

from __future__ import annotations

import math
import os
import platform
import sys
from contextlib import closing
from functools import lru_cache
from pathlib import Path

import psutil

from autotrack.capture.gpu import Gpus

_CGROUPS = Path("/sys/fs/cgroup")


@lru_cache(maxsize=1)
def cpu_model() -> str:
    """Return the name of the processor, or of its architecture where the system does not tell without a process."""
    if sys.platform == "linux":
        lines = _read("/proc/cpuinfo").splitlines()
        models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        return next(models, platform.machine())
    return os.environ.get("PROCESSOR_IDENTIFIER", platform.machine())


def cpu_count() -> int:
    """Return how many processors this process can keep busy: affinity and the control group's quota included."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *(math.ceil(quota) for quota in _cpu_quotas())]))


def memory_bytes() -> int:
    """Return the memory this process can use, in bytes: the control group's limit included."""
    limits = _cgroup_values("memory.max", "memory/memory.limit_in_bytes")
    return min([int(psutil.virtual_memory().total), *(int(limit) for limit in limits if limit.isdigit())])


def gpu_names() -> list[str]:
    """Return the names of the NVIDIA GPUs in the order of the driver; empty without `nvidia-ml-py` or a driver."""
    with closing(Gpus()) as gpus:
        return gpus.names()


def _cpu_quotas() -> list[float]:
    quotas = []
    for value in _cgroup_values("cpu.max"):
        quota, _, period = value.partition(" ")
        if quota.isdigit() and period.isdigit() and int(period):
            quotas.append(int(quota) / int(period))
    quota_v1 = _read(_CGROUPS / "cpu/cpu.cfs_quota_us")
    period_v1 = _read(_CGROUPS / "cpu/cpu.cfs_period_us")
    if quota_v1.isdigit() and period_v1.isdigit() and int(period_v1):
        quotas.append(int(quota_v1) / int(period_v1))
    return quotas


def _cgroup_values(name: str, name_v1: str | None = None) -> list[str]:
    """Read a setting of the process's control group and of all groups above it; empty outside Linux."""
    own = next((line[3:] for line in _read("/proc/self/cgroup").splitlines() if line.startswith("0::")), "/")
    group = _CGROUPS / own.lstrip("/")
    folders = [folder for folder in (group, *group.parents) if folder.is_relative_to(_CGROUPS)]
    paths = [folder / name for folder in folders] + ([_CGROUPS / name_v1] if name_v1 else [])
    return [value for path in paths if (value := _read(path))]


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
