"""What a server that is slow, dead or silent costs the training thread, beside recording into the local store alone.

    python benchmarks/servers_in_trouble.py [--rounds 9] [--trees 300]

One process trains the same XGBoost model (one thread, so that its CPU time is that of the training) again and again, in
turns with another target each: the local store alone, and with it a port where nobody listens, a server that takes
connections and never answers, and one that answers each request with 503 after a second. Each is compared with the
local-only training of the same turn. CPU time of the training thread is what another thread cannot blur; wall time on
a busy machine is shown for completeness.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xgboost

import autotrack

ANSWER = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def main() -> None:
    """Train in turns and print how each target compares with the local store alone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--trees", type=int, default=300)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4_000, 20))
    data = xgboost.DMatrix(X, label=(X[:, 0] + rng.normal(size=4_000) > 0).astype(int))
    with tempfile.TemporaryDirectory() as folder, silent() as silent_url, slow() as slow_url:
        targets = {"local only": None, "dead": dead(), "silent": silent_url, "slow": slow_url}
        train(data, options.trees)  # warm-up
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in targets}
        for turn in range(options.rounds):
            names = list(targets)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:  # no target is always first
                home = Path(folder) / f"{turn}-{name}"
                found[name].append(measure(home, targets[name], data, options.trees))
    print_table(found)


def measure(home: Path, url: str | None, data: xgboost.DMatrix, trees: int) -> tuple[float, float]:
    """Return CPU seconds of the training thread and wall seconds of one recorded training."""
    to = [str(home)] if url is None else [str(home), url]
    autotrack.enable(to=to, log_system_metrics=False, exit_timeout=0.2)
    try:
        with autotrack.start_run() as run:  # a log call meets the follower that is busy with the server
            run.log_metric("before", 0.0)
        time.sleep(0.5)
        cpu, wall = time.thread_time(), time.perf_counter()
        train(data, trees)
        return time.thread_time() - cpu, time.perf_counter() - wall
    finally:
        autotrack.disable()


def train(data: xgboost.DMatrix, trees: int) -> None:
    """Train once; the metric of each tree is recorded."""
    parameters = {"objective": "binary:logistic", "nthread": 1, "max_depth": 6, "seed": 0}
    xgboost.train(parameters, data, num_boost_round=trees, evals=[(data, "train")], verbose_eval=False)


def dead() -> str:
    """Return an address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """Give the address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextlib.contextmanager
def slow() -> Iterator[str]:
    """Give the address of a server that answers 503 after a second."""

    def serve() -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while connection.recv(65_536):
                time.sleep(1.0)
                connection.sendall(ANSWER)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def print_table(found: dict[str, list[tuple[float, float]]]) -> None:
    """Print medians, and the median of the ratios to the local-only training of the same turn."""
    print(f"{'target':12}{'CPU s':>10}{'ratio':>9}{'spread':>18}{'wall s':>10}{'ratio':>9}")
    for name, turns in found.items():
        row = f"{name:12}"
        for part in range(2):
            ratios = sorted(turn[part] / base[part] for turn, base in zip(turns, found["local only"], strict=True))
            quarter = len(ratios) // 4
            row += f"{statistics.median(turn[part] for turn in turns):10.3f}{statistics.median(ratios):9.3f}"
            row += f"{ratios[quarter]:10.3f}-{ratios[-1 - quarter]:.3f}  " if part == 0 else ""
        print(row)


if __name__ == "__main__":
    main()
