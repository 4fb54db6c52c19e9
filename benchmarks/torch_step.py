"""What tracking costs one step of a plain PyTorch loop, on a machine that does much else: the steps of a tiny MLP.

    python benchmarks/torch_step.py [--optimizer SGD] [--rounds 100]

Blocks of 64 bare and of 64 tracked steps take turns in one process, within one run; what autotrack has put into torch
is taken out for the bare ones. Each step is timed alone. For each of the 64 places in a block the lowest decile of all
rounds counts: a step that was interrupted falls out. `torch_loop.py` measures whole trainings, with what goes on beside
them; its figures need a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import optimizer as optimizers
from torch_loop import Step, make_step

import autotrack

BLOCK = 64
SEAMS: tuple[tuple[Any, str], ...] = ((torch.nn.functional, "cross_entropy"), (torch.autograd, "backward"))


def take_out() -> Callable[[], None]:
    """Take out of torch what runs in each step; return what puts it back."""
    hooks = optimizers._global_optimizer_post_hooks  # noqa: SLF001 - torch gives no other way to leave them out
    tracked, kept = [getattr(owner, name) for owner, name in SEAMS], dict(hooks)
    for (owner, name), function in zip(SEAMS, tracked, strict=True):
        setattr(owner, name, function.__wrapped__)
    hooks.clear()

    def put_back() -> None:
        for (owner, name), function in zip(SEAMS, tracked, strict=True):
            setattr(owner, name, function)
        hooks.update(kept)

    return put_back


def time_block(step: Step) -> list[float]:
    """Return the seconds of each step of a block; one before it, which is cold, is left out."""
    step(0)
    found = []
    for number in range(BLOCK):
        started = time.perf_counter()
        step(number)
        found.append(time.perf_counter() - started)
    return found


def lowest(blocks: list[list[float]]) -> float:
    """Return the microseconds of a step: the lowest decile at each place of a block, and the mean of all places."""
    return 1e6 * statistics.mean(statistics.quantiles(same, n=10)[0] for same in zip(*blocks, strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--optimizer", default="SGD")
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    os.environ["AUTOTRACK_TESTING"] = "0"
    torch.set_num_threads(1)
    bare, tracked = [], []
    with tempfile.TemporaryDirectory() as store:
        autotrack.enable(to=store, only=["torch"])
        step = make_step(getattr(torch.optim, options.optimizer))
        time_block(step)  # the run begins
        for _ in range(options.rounds):
            put_back = take_out()
            bare.append(time_block(step))
            put_back()
            tracked.append(time_block(step))
        autotrack.disable()
    whole, added = lowest(bare), lowest(tracked) - lowest(bare)
    print(f"{options.optimizer}: bare {whole:.1f} us a step, tracked {added:+.1f} us ({added / whole:+.1%})")


if __name__ == "__main__":
    main()
