"""Files sent to our server, to `mlflow server`, and to one that does nothing else than write them down.

The last one is the limit: uvicorn and twenty lines that write what comes into a file, for nobody in particular, with
no name checked and nothing noted. Each is one process that keeps its files in a directory; they take turns, so that a
busy machine slows all. Beside what a client sees stands the processor time of the server, which others blur less.

    python benchmarks/uploads.py [--rounds 3] [--large 200] [--small 1000]
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from mlflow_server import free_port, mlflow_server
from server import Client
from team_server import team_server

SMALL_BYTES = 10_000
MB = 1_000_000
BARE = """
import os, sys, uvicorn
async def app(scope, receive, send):
    with open(os.path.join(sys.argv[1], os.urandom(8).hex()), "wb", buffering=0) as file:
        more = True
        while more:
            message = await receive()
            file.write(message.get("body", b""))
            more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})
uvicorn.run(app, port=int(sys.argv[2]), log_config=None, access_log=False, http="httptools", lifespan="off")
"""


class Cost(NamedTuple):
    """What files cost: seconds for the client, and seconds of a processor in the server."""

    seconds: float
    processor: float


def main() -> None:
    """Send files to the servers in turns, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=200, help="MB of the large file")
    parser.add_argument("--small", type=int, default=1000, help="files of 10 kB")
    options = parser.parse_args()
    found: dict[str, list[tuple[Cost, Cost]]] = {}
    with servers() as urls:
        for _ in range(options.rounds):
            for name, url in urls.items():
                place = "" if name == "bare" else _place(url)
                large = measure(url, place, 1, options.large * MB)
                small = measure(url, place, options.small, SMALL_BYTES)
                found.setdefault(name, []).append((large, small))
    report(found, options.large, options.small)


def report(found: dict[str, list[tuple[Cost, Cost]]], large: int, small: int) -> None:
    """Print a table."""
    titles = ("MB/s, large", "MB/s of processor", "small files/s", "small/s of processor")
    print(f"{'':12}" + "".join(f"{title:>22}" for title in titles))
    for name, rounds in found.items():
        bests: tuple[Callable[[tuple[Cost, Cost]], float], ...] = (
            lambda one: large / one[0].seconds,
            lambda one: large / one[0].processor,
            lambda one: small / one[1].seconds,
            lambda one: small / one[1].processor,
        )
        print(f"{name:12}" + "".join(f"{statistics.median(map(rate, rounds)):22,.0f}" for rate in bests))


def measure(url: str, place: str, count: int, size: int) -> Cost:
    """Send some files over one connection."""
    content, client = os.urandom(size), Client(url)
    before, start = _processor(url), time.perf_counter()
    for number in range(count):
        client.send("PUT", f"{place}/files/{number}.bin", content)
    return Cost(time.perf_counter() - start, _processor(url) - before)


def _place(url: str) -> str:
    return f"/api/2.0/mlflow-artifacts/artifacts/0/{Client(url).new_run('0')}/artifacts"


def _processor(url: str) -> float:
    """Return the processor seconds of the process that listens there, and of its children."""
    port = int(url.rpartition(":")[2])
    family = [one for child in psutil.Process().children() for one in (child, *child.children(recursive=True))]
    asked = [one for one in family if str(port) in one.cmdline()]
    processes = {one.pid: one for parent in asked for one in (parent, *parent.children(recursive=True))}
    return sum(sum(one.cpu_times()[:2]) for one in processes.values())


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Run the three."""
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3)]
        yield {
            "autotrack": stack.enter_context(team_server(folders[0], "--no-login")),
            "mlflow": stack.enter_context(mlflow_server(folders[1])),
            "bare": stack.enter_context(bare_server(folders[2])),
        }


@contextmanager
def bare_server(folder: Path) -> Iterator[str]:
    """Run what does nothing but write."""
    port = free_port()
    process: subprocess.Popen[Any] = subprocess.Popen([sys.executable, "-c", BARE, str(folder), str(port)])
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
