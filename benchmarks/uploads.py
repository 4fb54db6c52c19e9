"""Files sent to our server, to `mlflow server`, and to two that do nothing else than write them down.

These are the limits: `bare` is uvicorn and twenty lines that write what comes into a file, for nobody in particular,
with no name checked and nothing noted; `socket` is a loop over a socket that knows no HTTP, and the length of each file
is four bytes before it. Each is one process (ours and MLflow's several with `--workers`) that keeps its files in a
directory in memory (`in_memory.py` says why); they take turns, so that a busy machine slows all. Beside what clients
see stands the processor time of the server, which others blur less. At the end: how many times as fast as `mlflow
server` each is, and so how fast anything could be.

    python benchmarks/uploads.py [--rounds 3] [--large 200] [--small 1000] [--clients 1] [--workers 1]
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from in_memory import folder_in_memory
from light_client import puts, seconds_for
from listening import listening
from mlflow_server import mlflow_server
from server import Client, new_place
from team_server import team_server

SMALL_BYTES = 10_000
MB = 1_000_000
TICK = 0.01
"""Processor time is counted in steps of so many seconds."""

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
SOCKET = """
import os, socket, sys, threading
def serve(line):
    with line, line.makefile("rb", buffering=0) as came:
        while head := came.read(4):
            left = int.from_bytes(head, "big")
            with open(os.path.join(sys.argv[1], os.urandom(8).hex()), "wb", buffering=0) as file:
                while left and (data := came.read(min(left, 1 << 20))):
                    file.write(data)
                    left -= len(data)
            line.sendall(b"{}")
port = socket.create_server(("127.0.0.1", int(sys.argv[2])), backlog=100)
while True:
    line, _ = port.accept()
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(line,), daemon=True).start()
"""


class Cost(NamedTuple):
    """What files cost: seconds for the client, and seconds of a processor in the server."""

    seconds: float
    processor: float


class SocketClient:
    """One connection to the server that knows no HTTP."""

    def __init__(self, url: str) -> None:
        self._line = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, method: str, path: str, body: bytes) -> None:
        """Send a file and wait until it is written."""
        del method, path
        self._line.sendall(len(body).to_bytes(4, "big"))
        self._line.sendall(body)
        if self._line.recv(2) != b"{}":
            raise RuntimeError("the server has gone")


def main() -> None:
    """Send files to the servers in turns, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=200, help="MB of the large file of each client")
    parser.add_argument("--small", type=int, default=1000, help="files of 10 kB of each client")
    parser.add_argument("--clients", type=int, default=1, help="threads that send at once")
    parser.add_argument("--workers", type=int, default=1, help="processes of our server and of MLflow's")
    options = parser.parse_args()
    found: dict[str, list[tuple[Cost, Cost]]] = {}
    with servers(options.workers) as urls:
        for _ in range(options.rounds):
            for name, url in urls.items():
                places = [_place(name, url) for _ in range(options.clients)]
                large = measure(name, url, places, 1, options.large * MB)
                small = measure(name, url, places, options.small, SMALL_BYTES)
                found.setdefault(name, []).append((large, small))
    report(found, options.large * options.clients, options.small * options.clients)


def report(found: dict[str, list[tuple[Cost, Cost]]], large: int, small: int) -> None:
    """Print a table, and the same in multiples of `mlflow server`."""
    titles = ("MB/s, large", "MB/s of processor", "small files/s", "small/s of processor")
    print(f"{'':12}" + "".join(f"{title:>22}" for title in titles))
    table = {}
    for name, rounds in found.items():
        rates: tuple[Callable[[tuple[Cost, Cost]], float], ...] = (
            lambda one: large / one[0].seconds,
            lambda one: large / one[0].processor,
            lambda one: small / one[1].seconds,
            lambda one: small / one[1].processor,
        )
        table[name] = [statistics.median(map(rate, rounds)) for rate in rates]
        print(f"{name:12}" + "".join(f"{rate:22,.0f}" for rate in table[name]))
    print("times as fast as mlflow server")
    for name, row in table.items():
        ratios = (rate / other for rate, other in zip(row, table["mlflow"], strict=True))
        print(f"{name:12}" + "".join(f"{ratio:22.1f}" for ratio in ratios))


def measure(name: str, url: str, places: list[str], count: int, size: int) -> Cost:
    """Send some files over one connection for each place."""
    content = os.urandom(size)

    def work(place: str) -> None:
        client = SocketClient(url) if name == "socket" else Client(url)
        for number in range(count):
            client.send("PUT", f"{place}/{size}-{number}.bin", content)

    before, start = _processor(url), time.perf_counter()
    if size <= SMALL_BYTES and name != "socket":
        seconds_for(url, [puts(url, place, content, count) for place in places])
    else:
        with ThreadPoolExecutor(len(places)) as pool:
            list(pool.map(work, places))
    return Cost(time.perf_counter() - start, max(_processor(url) - before, TICK))


def _place(name: str, url: str) -> str:
    return "/some" if name in {"bare", "socket"} else new_place(url, "0")


def _processor(url: str) -> float:
    """Return the processor seconds of the process that listens there, and of its children."""
    port = int(url.rpartition(":")[2])
    family = [one for child in psutil.Process().children() for one in (child, *child.children(recursive=True))]
    asked = [one for one in family if str(port) in one.cmdline()]
    processes = {one.pid: one for parent in asked for one in (parent, *parent.children(recursive=True))}
    return sum(sum(one.cpu_times()[:2]) for one in processes.values())


@contextmanager
def servers(workers: int) -> Iterator[dict[str, str]]:
    """Run all of them."""
    with ExitStack() as stack:
        folders = [stack.enter_context(folder_in_memory()) for _ in range(4)]
        many = ("--workers", str(workers))
        yield {
            "autotrack": stack.enter_context(team_server(folders[0], "--no-login", *many)),
            "mlflow": stack.enter_context(mlflow_server(folders[1], *many, variables={"TMPDIR": str(folders[1])})),
            "bare": stack.enter_context(listening(BARE, folders[2])),
            "socket": stack.enter_context(listening(SOCKET, folders[3])),
        }


if __name__ == "__main__":
    main()
