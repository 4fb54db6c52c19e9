"""How reports come back from the controller of a training, which Ray runs in a process beside the program's.

They are datagrams to a socket in a folder that only this user can enter: in order, without a connection, and kept by
the kernel until they are read. The sender is Ray's by value, like what `workers` sends, and never waits for long.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ray.train import UserCallback

from autotrack.shield import shielded

LARGEST = 1 << 20
PATIENCE = 5.0
"""Seconds to wait for the thread to have read what came before the end."""

Message = dict[str, Any]


@contextlib.contextmanager
def mailbox(take: Callable[[Message], None]) -> Iterator[str]:
    """Read messages inside the block, and all that came in it before it ends.

    Args:
        take: Called with each message, in a thread of its own.

    Yields:
        The address to send to.

    Raises:
        OSError: This system has no such sockets, or the path of the temporary folder is too long for them.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise OSError("this system has no sockets in folders")
    folder = Path(tempfile.mkdtemp(prefix="autotrack-"))
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            address = str(folder / "reports")
            receiver.bind(address)
            thread = threading.Thread(target=_read, args=(receiver, take), name="autotrack-reports", daemon=True)
            thread.start()
            try:
                yield address
            finally:
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                    end.settimeout(PATIENCE)
                    end.sendto(b"", address)  # behind all others
                thread.join(PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(receiver: socket.socket, take: Callable[[Message], None]) -> None:
    while data := receiver.recv(LARGEST):
        with shielded("recording a report of Ray Train"):
            take(json.loads(data))


def reporter(address: str) -> UserCallback:
    """Return a callback for the controller that sends what workers report to a mailbox.

    A message has `metrics` (the numbers of rank 0) and `checkpoint` (its path, or None), or `errors` (by rank), or
    `lost`, where the report was too large to send or nobody read for a second.
    """

    def number(value: Any) -> Any:
        one = getattr(value, "size", None) == 1 or getattr(value, "ndim", None) == 0
        return value.item() if one else value

    def flat(nested: Any, above: str = "") -> Any:
        for name, value in nested.items():
            if isinstance(value, dict):
                yield from flat(value, f"{above}{name}/")
                continue
            with contextlib.suppress(Exception):  # whatever it is, it is not worth the training
                found = number(value)
                if isinstance(found, (bool, int, float)):
                    yield f"{above}{name}", found

    def send(message: Any) -> None:
        with contextlib.suppress(Exception), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(1.0)
            try:
                sender.sendto(json.dumps(message).encode(), address)
            except OSError:
                sender.sendto(b'{"lost": true}', address)

    class AutotrackReporter(UserCallback):
        """Runs in the controller of Ray Train."""

        def after_report(self, run_context: Any, metrics: Any, checkpoint: Any) -> None:
            """Send what rank 0 reported."""
            send({"metrics": dict(flat(metrics[0] or {})), "checkpoint": getattr(checkpoint, "path", None)})

        def after_exception(self, run_context: Any, worker_exceptions: Any) -> None:
            """Send which workers failed; Ray may start them again."""
            send({"errors": {str(rank): str(error) for rank, error in worker_exceptions.items()}})

    return AutotrackReporter()
