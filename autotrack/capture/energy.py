"""Energy that processor, memory and GPUs took, as far as the machine measures it; nothing is guessed.

Processor and memory: the RAPL counters of Linux's powercap (Documentation/power/powercap), which many systems let only
root read. NVIDIA GPUs: the driver's counter, or on cards without one their power over time. What a machine does not
measure (fans, disks, other cards, losses of the power supply) is not in the numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

from autotrack.capture.gpu import Gpus

POWERCAP = Path("/sys/class/powercap")
JOULES_PER_KWH = 3.6e6
ENERGY = "_energy_kwh"
"""How the names of these metrics end."""
EMISSIONS = "system/emissions_grams_co2e"


class _Zone(NamedTuple):
    """One RAPL counter, in microjoules; it starts again at zero beyond its range."""

    counter: Path
    range: int


class EnergyMeter:
    """Joules since the meter was made.

    Args:
        gpus: An open session; the caller closes it.
        powercap: Where Linux shows the RAPL counters.
        clock: Seconds, for cards that tell their power alone.
    """

    def __init__(self, gpus: Gpus, powercap: Path = POWERCAP, clock: Callable[[], float] = time.monotonic) -> None:
        self._zones = {zone: _number(zone.counter) for zone in _readable_zones(powercap)}
        self._cpu = 0.0
        self._gpus = gpus
        self._clock = clock
        self._counters = gpus.energies()
        self._powers = gpus.powers()
        self._gpu = 0.0
        self._last = clock()

    def read(self) -> dict[str, float]:
        """Return the joules of the parts that are measured here, "cpu" (with memory) and "gpu"."""
        found = {}
        if self._zones:
            self._cpu += sum(self._advance(zone) for zone in self._zones) / 1e6
            found["cpu"] = self._cpu
        if self._counters or self._powers:
            self._gpu += self._advance_gpus()
            found["gpu"] = self._gpu
        return found

    def _advance(self, zone: _Zone) -> int:
        before, now = self._zones[zone], _number(zone.counter)
        self._zones[zone] = now
        return now - before if now >= before else now - before + zone.range

    def _advance_gpus(self) -> float:
        """Return the joules since the last reading: of counters, else of the mean power of the two readings."""
        counters, powers, now = self._gpus.energies(), self._gpus.powers(), self._clock()
        counted = sum(counters[at] - self._counters[at] for at in counters.keys() & self._counters.keys())
        estimated = (powers.keys() & self._powers.keys()) - counters.keys()
        mean = sum((powers[at] + self._powers[at]) / 2 for at in estimated)
        seconds = now - self._last
        self._counters, self._powers, self._last = counters, powers, now
        return counted + mean * seconds


def _readable_zones(powercap: Path) -> list[_Zone]:
    """Return the counters of packages and of their memory; a package's counter holds that of its cores already."""
    found = []
    for folder in sorted(powercap.glob("intel-rapl:*")):
        try:
            name = (folder / "name").read_text().strip()
            if name.startswith("package") or name == "dram":
                _number(folder / "energy_uj")
                found.append(_Zone(folder / "energy_uj", _number(folder / "max_energy_range_uj")))
        except OSError:  # only root may read it, or the zone is without a counter
            continue
    return found


def _number(path: Path) -> int:
    return int(path.read_text())


class EnergyOfRuns:
    """What each run has of the energy that is measured for all: from its first sample to its last.

    Args:
        first: The run that measuring began with; all is its, from the beginning.
        carbon_intensity: Grams of CO2 equivalents for a kWh; 0 for no emissions.
    """

    def __init__(self, first: object, carbon_intensity: float) -> None:
        self._begins: WeakKeyDictionary[object, Mapping[str, float]] = WeakKeyDictionary({first: {}})
        self._intensity = carbon_intensity

    def of(self, run: object, sample: Mapping[str, float]) -> dict[str, float]:
        """Return a sample with the energy of one run, and its emissions: energy times carbon intensity.

        That product is the estimate of Lacoste et al., "Quantifying the Carbon Emissions of Machine Learning" (2019),
        arXiv:1910.09700, and of the tools that followed.

        Args:
            run: The run.
            sample: All metrics of one sample.
        """
        total = {name: value for name, value in sample.items() if name.endswith(ENERGY)}
        begin = self._begins.setdefault(run, total)
        own = {name: value - begin.get(name, 0.0) for name, value in total.items()}
        if own and self._intensity:
            own[EMISSIONS] = sum(own.values()) * self._intensity
        return {**sample, **own}


def measured_parts(sample: Mapping[str, float]) -> str:
    """Say of what a sample has the energy, "" of nothing."""
    parts = {"system/cpu_energy_kwh": "processor and memory (RAPL)", "system/gpu_energy_kwh": "NVIDIA GPUs (NVML)"}
    return " and ".join(text for name, text in parts.items() if name in sample)
