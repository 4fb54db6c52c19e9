"""What tracking costs a plain PyTorch loop: 10,000 steps of a tiny MLP, bare and tracked in turn in one process.

    python benchmarks/torch_loop.py [--steps 10000] [--rounds 5]

Tracked trainings write to a store on disk, with all that goes on in the background. Each training is timed in
stretches of 100 steps; of every stretch the lower quartile over all rounds counts, and a training is the sum of them.
So what else the machine does falls out, and what belongs to a stretch, as its points, stays. By the clock and by the
processor time of the training thread.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch

import autotrack

Step = Callable[[int], None]
Times = tuple[float, float]
STRETCH = 100
"""Steps that are timed together."""


def make_step(optimizer_class: Any) -> Step:
    """Return one step of a training: 32 rows of 20 numbers, 32 hidden units, 3 classes."""
    torch.manual_seed(0)
    X, y = torch.randn(512, 20), torch.randint(0, 3, (512,))
    model = torch.nn.Sequential(torch.nn.Linear(20, 32), torch.nn.ReLU(), torch.nn.Linear(32, 3))
    optimizer = optimizer_class(model.parameters(), lr=0.01)
    criterion = torch.nn.CrossEntropyLoss()

    def step(number: int) -> None:
        at = number * 32 % 512
        optimizer.zero_grad()
        loss = criterion(model(X[at : at + 32]), y[at : at + 32])
        loss.backward()
        optimizer.step()

    return step


def run_steps(step: Step, steps: int) -> list[Times]:
    """Return the seconds that each stretch of steps takes: on the wall, and of this thread's CPU."""
    found = []
    for first in range(0, steps, STRETCH):
        wall, cpu = time.perf_counter(), time.thread_time()
        for number in range(first, min(first + STRETCH, steps)):
            step(number)
        found.append((time.perf_counter() - wall, time.thread_time() - cpu))
    return found


def measure(optimizer_class: Any, steps: int, store: str) -> tuple[list[Times], list[Times]]:
    """Return the seconds of a bare and of a tracked training."""
    step = make_step(optimizer_class)
    run_steps(step, STRETCH)
    bare = run_steps(step, steps)
    autotrack.enable(to=store, only=["torch"])
    step = make_step(optimizer_class)
    run_steps(step, 1)  # the run begins
    tracked = run_steps(step, steps)
    autotrack.disable()
    return bare, tracked


def seconds_of(trainings: list[list[Times]], clock: int) -> float:
    """Return the seconds of a training: for each of its stretches the lower quartile over all rounds."""
    stretches = zip(*trainings, strict=True)
    return sum(statistics.quantiles([times[clock] for times in same], n=4)[0] for same in stretches)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5, help="two at least")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for optimizer_class in (torch.optim.SGD, torch.optim.Adam):
        with tempfile.TemporaryDirectory() as store:
            found = [measure(optimizer_class, options.steps, store) for _ in range(options.rounds)]
        for clock, what in enumerate(("wall", "thread CPU")):
            bare, tracked = (seconds_of([pair[kind] for pair in found], clock) for kind in (0, 1))
            per_step, added = (1e6 * seconds / options.steps for seconds in (bare, tracked - bare))
            name = optimizer_class.__name__
            print(
                f"{name:5} {what:10}: bare {per_step:6.1f} us a step, tracked {added:+.1f} us ({added / per_step:+.1%})"
            )


if __name__ == "__main__":
    main()
