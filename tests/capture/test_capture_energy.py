"""Energy is what counters say, each run has its own, and where nothing is measured there is no number."""

from __future__ import annotations

import functools
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrack
from autotrack.capture import system
from autotrack.capture.energy import EnergyMeter, EnergyOfRuns
from autotrack.capture.gpu import Gpus
from autotrack.testing import MemoryBackend

RANGE = 262_143_328_850


@pytest.fixture
def no_gpus(monkeypatch: pytest.MonkeyPatch) -> Gpus:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    return Gpus()


def zone(powercap: Path, folder: str, name: str, microjoules: int) -> Path:
    """Write what Linux shows of a counter; no test machine lets us read its own."""
    at = powercap / folder
    at.mkdir(parents=True, exist_ok=True)
    (at / "name").write_text(f"{name}\n")
    (at / "max_energy_range_uj").write_text(f"{RANGE}\n")
    (at / "energy_uj").write_text(f"{microjoules}\n")
    return at / "energy_uj"


def test_packages_and_memory_count_and_nothing_counts_twice(tmp_path: Path, no_gpus: Gpus) -> None:
    zones = [("intel-rapl:0", "package-0"), ("intel-rapl:1", "package-1"), ("intel-rapl:0:2", "dram")]
    twice = [("intel-rapl:2", "psys"), ("intel-rapl:0:0", "core"), ("intel-rapl-mmio:0", "package-0")]
    counters = [zone(tmp_path, *each, 5_000_000) for each in [*zones, *twice]]
    meter = EnergyMeter(no_gpus, tmp_path)
    assert meter.read() == {"cpu": 0.0}
    for counter in counters:
        counter.write_text("7500000\n")
    assert meter.read() == {"cpu": 7.5}
    assert meter.read() == {"cpu": 7.5}


@given(steps=st.lists(st.integers(0, RANGE - 1), max_size=8), start=st.integers(0, RANGE))
def test_a_counter_that_starts_again_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], start: int
) -> None:
    tmp_path = tmp_path_factory.mktemp("powercap")
    counter = zone(tmp_path, "intel-rapl:0", "package-0", start)
    meter = EnergyMeter(Gpus(), tmp_path)
    at = start
    for step in steps:
        at = (at + step) if at + step <= RANGE else at + step - RANGE
        counter.write_text(str(at))
        meter.read()
    assert meter.read()["cpu"] == pytest.approx(sum(steps) / 1e6)


def test_what_may_not_be_read_is_not_measured(tmp_path: Path, no_gpus: Gpus) -> None:
    assert EnergyMeter(no_gpus, tmp_path / "nothing").read() == {}
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 1)
    counter.unlink()  # root, who runs tests too, may read any file
    assert EnergyMeter(no_gpus, tmp_path).read() == {}


class NVMLError(Exception):
    pass


def test_gpus_count_by_their_counter_else_by_their_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    millijoules, milliwatts, seconds = [1_000_000], [100_000], [0.0]

    def counter(handle: int) -> int:
        if handle == 1:
            raise NVMLError("not supported")
        return millijoules[0]

    library = types.ModuleType("pynvml")  # stands in for the driver, which no test machine has
    vars(library).update(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetTotalEnergyConsumption=counter,
        nvmlDeviceGetPowerUsage=lambda handle: milliwatts[0],
    )
    monkeypatch.setitem(sys.modules, "pynvml", library)
    meter = EnergyMeter(Gpus(), tmp_path, lambda: seconds[0])
    assert meter.read() == {"gpu": 0.0}
    millijoules[0], milliwatts[0], seconds[0] = 1_500_000, 300_000, 10.0
    assert meter.read() == {"gpu": 500.0 + 200.0 * 10.0}
    del library.nvmlDeviceGetTotalEnergyConsumption  # as of an old driver
    seconds[0] = 11.0
    assert meter.read() == {"gpu": 2500.0 + 2 * 300.0}


class AnyRun:
    """Stands for a run, of which only who it is matters."""


def test_each_run_has_its_own_energy() -> None:
    first, second = AnyRun(), AnyRun()
    energy = EnergyOfRuns(first, 400.0)
    name = "system/cpu_energy_kwh"
    assert energy.of(first, {name: 0.5, "system/x": 1.0}) == {
        name: 0.5,
        "system/x": 1.0,
        "system/emissions_grams_co2e": 200.0,
    }
    assert energy.of(second, {name: 0.5})[name] == 0.0
    assert energy.of(second, {name: 0.75, "system/gpu_energy_kwh": 0.0}) == {
        name: 0.25,
        "system/gpu_energy_kwh": 0.0,
        "system/emissions_grams_co2e": 100.0,
    }
    assert EnergyOfRuns(first, 0.0).of(first, {name: 0.5}) == {name: 0.5}
    assert EnergyOfRuns(first, 400.0).of(first, {"system/x": 1.0}) == {"system/x": 1.0}


def sampled(name: str, **settings: Any) -> Any:
    autotrack.enable(to=f"memory://{name}", capture=[], system_interval=0.02, **settings)
    try:
        with autotrack.start_run():
            time.sleep(0.4)
    finally:
        autotrack.disable()
    (run,) = MemoryBackend.named(name).runs
    return run


def test_a_run_says_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_gpus: Gpus) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    monkeypatch.setattr(system, "EnergyMeter", functools.partial(EnergyMeter, powercap=tmp_path))
    run = sampled("energy", carbon_intensity=381)
    assert run.last("system/cpu_energy_kwh") == 0.0
    assert run.last("system/emissions_grams_co2e") == 0.0
    (note,) = [note.message for note in run.notes if note.code == "energy.measured"]
    assert note == "energy of the whole machine's processor and memory (RAPL); the rest is not measured"


def test_a_machine_that_measures_nothing_has_no_numbers(monkeypatch: pytest.MonkeyPatch, no_gpus: Gpus) -> None:
    monkeypatch.setattr(system, "EnergyMeter", functools.partial(EnergyMeter, powercap=Path("nowhere")))
    run = sampled("no-energy", carbon_intensity=381)
    assert "system/system_memory_usage_percentage" in run.metrics
    assert not [name for name in run.metrics if "energy" in name or "emissions" in name]
    assert not [note for note in run.notes if note.code.startswith("energy")]
