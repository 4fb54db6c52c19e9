"""One tracker, measured in a process of its own: what its start, a log call and a point cost.

    python benchmarks/peers.py autotrack --points 2000

Prints one line of JSON: `ready_ms` from before its import to the end of the first log call, `p50_us` and `p99_us` of a
call with one number, `points_per_s` until all is durable (the tracker says that it is done), and `bytes_per_point` on
disk. `benchmarks/run.py` starts these processes in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Session(NamedTuple):
    """What is measured of a tracker: a call that logs one number, and one that returns when all is durable."""

    log: Callable[[float, int], object]
    finish: Callable[[], object]


def bare_append() -> Session:
    """The physical reference: 45 bytes appended to a file, as many as a point takes in our journal."""
    fd = os.open("points", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    return Session(lambda value, step: os.write(fd, struct.pack("<dq", value, step) + b"x" * 29), lambda: os.close(fd))


def autotrack() -> Session:
    """This project, into its embedded store."""
    import autotrack

    autotrack.enable(log_system_metrics=False, quiet=True)
    run = autotrack.start_run()
    return Session(
        lambda value, step: run.log_metric("loss", value, step), lambda: (autotrack.end_run(), autotrack.disable())
    )


def mlflow() -> Session:
    """MLflow into SQLite, its default store."""
    import mlflow

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.start_run()
    return Session(lambda value, step: mlflow.log_metric("loss", value, step), mlflow.end_run)


def wandb() -> Session:
    """Weights & Biases, offline."""
    import wandb

    run = wandb.init(mode="offline", dir=".", settings=wandb.Settings(silent=True))
    return Session(lambda value, step: run.log({"loss": value}, step=step), run.finish)


def tensorboard() -> Session:
    """TensorBoard's event files, by the writer without torch and TensorFlow."""
    from tensorboardX import SummaryWriter  # type: ignore[import-untyped]

    writer = SummaryWriter("events")
    return Session(lambda value, step: writer.add_scalar("loss", value, step), writer.close)


TRACKERS: dict[str, Callable[[], Session]] = {
    "bare append": bare_append,
    "autotrack": autotrack,
    "TensorBoard": tensorboard,
    "W&B offline": wandb,
    "MLflow SQLite": mlflow,
}
PACKAGES = {"autotrack": "autotrack", "TensorBoard": "tensorboardX", "W&B offline": "wandb", "MLflow SQLite": "mlflow"}


def measure(tracker: str, points: int) -> dict[str, float]:
    """Return the figures of one tracker."""
    started = time.perf_counter()
    session = TRACKERS[tracker]()
    session.log(0.0, 0)  # it opens files and starts threads
    ready = time.perf_counter() - started
    began = time.perf_counter()
    calls = []
    for step in range(1, points + 1):
        started = time.perf_counter()
        session.log(1.0 / step, step)
        calls.append(time.perf_counter() - started)
    session.finish()
    seconds = time.perf_counter() - began
    size = sum(path.stat().st_size for path in Path().rglob("*") if path.is_file())
    return {
        "ready_ms": ready * 1e3,
        "p50_us": statistics.median(calls) * 1e6,
        "p99_us": statistics.quantiles(calls, n=100)[98] * 1e6,
        "points_per_s": points / seconds,
        "bytes_per_point": size / points,
    }


def main() -> None:
    """Measure in an empty directory and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tracker", choices=TRACKERS)
    parser.add_argument("--points", type=int, default=2_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        os.chdir(directory)
        print(json.dumps(measure(options.tracker, options.points)), flush=True)
        os.chdir("/")


if __name__ == "__main__":
    main()
