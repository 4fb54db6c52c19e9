"""What tracking costs a plain PyTorch loop: 10,000 steps of a tiny MLP, bare and tracked alternating in one process.

Run: `python benchmarks/torch_loop.py [--steps 10000] [--rounds 5]`. The steps of a round alternate between bare and
tracked in blocks, so that whatever else the machine does falls on both. Tracked blocks write to a store on disk, with
all that goes on in the background. Reported are the medians over rounds of wall time and of the thread's CPU time.
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


def run_steps(step: Step, steps: int) -> Times:
    """Return the seconds that steps take: on the wall, and of this thread's CPU."""
    wall, cpu = time.perf_counter(), time.thread_time()
    for number in range(steps):
        step(number)
    return time.perf_counter() - wall, time.thread_time() - cpu


def measure(optimizer_class: Any, steps: int, store: str) -> tuple[Times, Times]:
    """Return the seconds of a bare and of a tracked training."""
    step = make_step(optimizer_class)
    run_steps(step, steps // 20)
    bare = run_steps(step, steps)
    autotrack.enable(to=store, only=["torch"])
    step = make_step(optimizer_class)
    run_steps(step, 1)  # the run begins
    tracked = run_steps(step, steps)
    autotrack.disable()
    return bare, tracked


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for optimizer_class in (torch.optim.SGD, torch.optim.Adam):
        with tempfile.TemporaryDirectory() as store:
            found = [measure(optimizer_class, options.steps, store) for _ in range(options.rounds)]
        for at, what in enumerate(("wall", "thread CPU")):
            bare = statistics.median(pair[0][at] for pair in found)
            ratio = statistics.median(pair[1][at] / pair[0][at] for pair in found)
            per_step = 1e6 * bare / options.steps
            name = optimizer_class.__name__
            print(f"{name:5} {what:10}: bare {per_step:6.1f} us a step, tracked {100 * ratio - 100:+.1f}%")


if __name__ == "__main__":
    main()
