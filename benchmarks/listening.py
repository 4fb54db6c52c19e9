"""Run a program that listens on a port of this machine, for as long as a block lasts."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow_server import free_port


@contextmanager
def listening(program: str, place: Path) -> Iterator[str]:
    """Run a program, which takes a path and a port, and give its address once it listens.

    Raises:
        RuntimeError: It has ended instead.
    """
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", program, str(place), str(port)])
    try:
        while not _listens(port):
            if process.poll() is not None:
                raise RuntimeError(f"the program has ended with exit status {process.returncode}")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
