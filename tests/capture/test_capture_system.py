"""The sampler measures at once, stops at once, survives failures and forks."""

from __future__ import annotations

import os
import sys
import threading
import time
import types
from collections.abc import Callable

import psutil
import pytest

from autotrack.capture.gpu import Gpus
from autotrack.capture.system import SystemSampler

ALWAYS = {
    "system/cpu_utilization_percentage",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
    "system/disk_usage_percentage",
    "system/disk_usage_megabytes",
    "system/disk_available_megabytes",
    "system/process_memory_megabytes",
    "system/process_cpu_percentage",
}


def sample(
    count: int, emit: Callable[[dict[str, float], int], None] | None = None
) -> tuple[list[tuple[dict[str, float], int]], list[float], SystemSampler]:
    samples: list[tuple[dict[str, float], int]] = []
    delays: list[float] = []

    def wait(seconds: float) -> bool:
        delays.append(seconds)
        return len(delays) > count

    sampler = SystemSampler(10.0, emit or (lambda metrics, step: samples.append((metrics, step))), wait=wait)
    sampler.start()
    thread = sampler._thread
    assert thread is not None
    thread.join(10)
    assert not sampler.running
    return samples, delays, sampler


def test_samples_have_the_names_of_mlflow_and_count_from_zero() -> None:
    samples, delays, sampler = sample(3)
    assert [step for _, step in samples] == [0, 1, 2]
    assert delays == [1.0, 10.0, 10.0, 10.0]
    assert sampler.failures == {}
    for metrics, _ in samples:
        assert metrics.keys() >= ALWAYS
        assert all(type(value) is float for value in metrics.values())
        assert 0 <= metrics["system/cpu_utilization_percentage"] <= 100
        assert 0 < metrics["system/system_memory_usage_percentage"] <= 100
    rss = psutil.Process().memory_info().rss / 1e6
    assert samples[-1][0]["system/process_memory_megabytes"] == pytest.approx(rss, rel=0.5)


def test_stopping_does_not_wait_for_the_interval() -> None:
    sampler = SystemSampler(3600.0, lambda metrics, step: None)
    sampler.start()
    assert sampler.running
    start = time.perf_counter()
    assert sampler.stop(timeout=5.0)
    assert time.perf_counter() - start < 1.0
    assert sampler.stop()
    assert "autotrack-system" not in {thread.name for thread in threading.enumerate()}


def test_starting_twice_is_starting_once_and_it_can_start_again() -> None:
    seen = threading.Event()
    sampler = SystemSampler(0.01, lambda metrics, step: seen.set())
    sampler.start()
    sampler.start()
    assert [thread.name for thread in threading.enumerate()].count("autotrack-system") == 1
    assert seen.wait(5)
    assert sampler.stop(5.0)
    seen.clear()
    sampler.start()
    assert seen.wait(5)
    assert sampler.stop(5.0)


def test_a_failing_reader_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: str) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(psutil, "disk_usage", broken)
    samples, _, sampler = sample(2)
    assert len(samples) == 2
    assert "system/disk_usage_percentage" not in samples[0][0]
    assert "system/system_memory_usage_megabytes" in samples[1][0]
    assert sampler.failures == {"disk": f"PermissionError: {os.sep}"}


def test_a_failing_emit_ends_the_sampling_quietly() -> None:
    def emit(metrics: dict[str, float], step: int) -> None:
        raise RuntimeError("closed")

    _, delays, sampler = sample(5, emit)
    assert len(delays) == 2
    assert sampler.failures == {"emit": "RuntimeError: closed"}


def test_the_users_cpu_percent_is_not_disturbed() -> None:
    def own_state() -> object:
        return getattr(psutil, "_last_cpu_times", None)

    before = repr(own_state())
    sample(2)
    assert repr(own_state()) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_has_no_sampler_and_can_start_its_own() -> None:
    sampler = SystemSampler(3600.0, lambda metrics, step: None)
    sampler.start()
    child = os.fork()
    if child == 0:
        inherited = sampler.running or not sampler.stop()
        sampler.start()
        own = sampler.running and sampler.stop(5.0)
        os._exit(0 if own and not inherited else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert sampler.running
    assert sampler.stop(5.0)


class NVMLError(Exception):
    pass


def driver(monkeypatch: pytest.MonkeyPatch, *, has_driver: bool = True) -> list[str]:
    """Stand in for the driver, which no test machine has."""
    calls: list[str] = []

    def init() -> None:
        calls.append("init")
        if not has_driver:
            raise NVMLError("driver not loaded")

    def power(handle: int) -> int:
        if handle == 1:
            raise NVMLError("not supported")
        return 70_000

    library = types.ModuleType("pynvml")
    vars(library).update(
        NVMLError=NVMLError,
        nvmlInit=init,
        nvmlShutdown=lambda: calls.append("shutdown"),
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda handle: b"Card" if handle else "Card 0",
        nvmlDeviceGetMemoryInfo=lambda handle: types.SimpleNamespace(used=2e9, total=8e9),
        nvmlDeviceGetUtilizationRates=lambda handle: types.SimpleNamespace(gpu=30),
        nvmlDeviceGetPowerUsage=power,
        nvmlDeviceGetEnforcedPowerLimit=lambda handle: 700_000,
    )
    monkeypatch.setitem(sys.modules, "pynvml", library)
    return calls


def test_gpus_are_measured_under_the_names_of_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = driver(monkeypatch)
    samples, _, sampler = sample(1)
    gpu = {name: value for name, value in samples[0][0].items() if "gpu_0" in name or "gpu_1" in name}
    assert gpu == {
        "system/gpu_0_memory_usage_megabytes": 2000.0,
        "system/gpu_0_memory_usage_percentage": 25.0,
        "system/gpu_0_utilization_percentage": 30.0,
        "system/gpu_0_power_usage_watts": 70.0,
        "system/gpu_0_power_usage_percentage": 10.0,
        "system/gpu_1_memory_usage_megabytes": 2000.0,
        "system/gpu_1_memory_usage_percentage": 25.0,
        "system/gpu_1_utilization_percentage": 30.0,
    }
    assert sampler.failures == {}
    assert sorted(calls) == [
        "init",
        "init",
        "shutdown",
        "shutdown",
    ]  # one session for how busy they are, one for energy


def test_without_a_driver_there_are_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    driver(monkeypatch, has_driver=False)
    gpus = Gpus()
    assert gpus.names() == []
    assert gpus.metrics() == {}
    gpus.close()


def test_names_of_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    driver(monkeypatch)
    assert Gpus().names() == ["Card 0", "Card"]
