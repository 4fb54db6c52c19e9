"""How cost grows: with points of a series, runs of a store, classes of an evaluation, processes of a store.

    python benchmarks/scaling.py [--quick] [--picture docs/images/scaling.svg]

Each line of a table has ten times (or twice) as much as the one before; `growth` is how many times the cost of the line
before it is. The picture has the logarithms, where cost that grows like the work is a line of slope one.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from store import KEYS, ended, epochs, filled_run, median_seconds, seconds_of, sql_backend, started
from together import together

from autotrack.evaluation import evaluate
from autotrack.evaluation.marks import Chart, Line
from autotrack.evaluation.svg_chart import to_svg
from autotrack.store import Store

ROWS = 100_000


class Curve(NamedTuple):
    """What one thing costs, in milliseconds, for each amount of work."""

    name: str
    unit: str
    amounts: list[int]
    costs: list[float]


def main() -> None:
    """Measure all curves, print them and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without the largest amounts")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    less = 1 if options.quick else 0
    curves = []
    for curve in measured(less):
        print_curve(curve)
        curves.append(curve)
    if options.picture:
        options.picture.write_text(picture(curves), encoding="utf-8")


def measured(less: int) -> Iterator[Curve]:
    """Yield the curves, each without the largest amounts if asked."""
    points = [10_000, 100_000, 1_000_000][: 3 - less]
    with tempfile.TemporaryDirectory() as directory:
        yield curve("write a series", "points", points, lambda n: write(Path(directory) / f"{n}", n))
        yield curve("read it whole", "points", points, lambda n: read(Path(directory) / f"{n}"))
        yield curve("read 1,000 points of it", "points", points, lambda n: read(Path(directory) / f"{n}", 1_000))
    with tempfile.TemporaryDirectory() as directory:
        yield from pages(Path(directory), [100, 1_000, 10_000][: 3 - less])
    classes = [2, 10, 100, 1_000, 10_000][: 5 - less]
    yield curve(f"evaluate {ROWS:,} rows", "classes", classes, evaluated)
    processes = [1, 2, 4, 8, 16][: 5 - 2 * less]
    yield curve("each logs 2,000 points, until durable", "processes", processes, crowd)


def curve(name: str, unit: str, amounts: list[int], cost: Callable[[int], float]) -> Curve:
    """Measure the cost of each amount."""
    return Curve(name, unit, amounts, [cost(amount) for amount in amounts])


def write(directory: Path, points: int) -> float:
    """Write points of ten keys, a hundred records at a time."""
    records = list(epochs("written", points // KEYS))
    with sql_backend(directory) as backend:
        backend.write([started("written")])
        seconds = seconds_of(lambda: [backend.write(records[at : at + 100]) for at in range(0, len(records), 100)])
        backend.write([ended("written")])
    return seconds * 1e3


def read(directory: Path, drawn: int = 0) -> float:
    """Read one of the ten series, whole or downsampled."""
    with Store.open(directory) as store:
        if drawn:
            return median_seconds(lambda: store.downsample("written", "metric_0", drawn)) * 1e3
        return median_seconds(lambda: store.metric_history("written", "metric_0")) * 1e3


def pages(directory: Path, amounts: list[int]) -> Iterator[Curve]:
    """Search a store that grows."""
    values, done = random.Random(2), 0  # noqa: S311
    costs: dict[str, list[float]] = {"page of 100 runs, filtered and sorted by a metric": [], "newest 100 runs": []}
    for runs in amounts:
        with sql_backend(directory) as backend:
            for at in range(done, runs, 100):
                backend.write([record for run in range(at, min(at + 100, runs)) for record in filled_run(run, values)])
        done = runs
        with Store.open(directory) as store:
            found = [
                median_seconds(
                    lambda: store.search("metrics.metric_7 > 0.5", order_by="metrics.metric_7 desc", limit=100)
                ),
                median_seconds(lambda: store.search(None, limit=100)),
            ]
        for name, seconds in zip(costs, found, strict=True):
            costs[name].append(seconds * 1e3)
    for name, times in costs.items():
        yield Curve(name, "runs of 150 keys", amounts, times)


def evaluated(classes: int) -> float:
    """Evaluate guesses that are right seven times of ten."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, classes, ROWS)
    guessed = np.where(rng.random(ROWS) < 0.7, true, rng.integers(0, classes, ROWS))
    return min(seconds_of(lambda: evaluate(true, guessed)) for _ in range(5)) * 1e3


def crowd(processes: int) -> float:
    """Let processes log into one store."""
    outcome = together("autotrack", processes, 2_000)
    if outcome.failed or outcome.readable != processes * 2_000:
        raise SystemExit(f"{processes} processes: {outcome}")
    return outcome.seconds * 1e3


def print_curve(found: Curve) -> None:
    """Print the table of one curve."""
    print(f"{found.name}\n{found.unit:>20}{'ms':>12}{'growth':>10}")
    before = None
    for amount, cost in zip(found.amounts, found.costs, strict=True):
        growth = "" if before is None else f"{cost / before:.1f}"
        print(f"{amount:20,}{cost:12.2f}{growth:>10}")
        before = cost
    print(flush=True)


def picture(curves: list[Curve]) -> str:
    """Draw all curves."""
    lines = tuple(
        Line(
            name=found.name,
            x=[math.log10(amount) for amount in found.amounts],
            y=[math.log10(max(cost, 0.01)) for cost in found.costs],
            color=number,
            style="linked",
        )
        for number, found in enumerate(curves)
    )
    return to_svg(
        Chart(
            title="How cost grows",
            note="each step is ten times as much",
            x_title="log10 of points, runs, classes or processes",
            y_title="log10 of milliseconds",
            marks=lines,
        )
    )


if __name__ == "__main__":
    main()
