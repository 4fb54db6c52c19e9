"""A process of our own beside the user's, for work that would hold Python's lock, patch libraries or print there.

It runs the same Python with the same `sys.path`, answers one request after the other with length-prefixed msgpack over
its stdin and stdout, and ends with the one that started it: when the pipe closes, or, where a forked child of the user
holds that open, when its parent is gone. Ctrl-C at the terminal does not reach it. What it prints goes nowhere.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import IO, Any

import msgspec

GRACE = 5.0
"""Seconds that what is under way may still take when the starter is gone."""
_LENGTH = struct.Struct("<I")
_PROGRAM = "import sys; sys.path[:] = {path!r}; from autotrack.helper_process import serve; serve({place!r}, {parent})"


class HelperProcess:
    """A process that answers requests. Use it from one thread.

    Args:
        place: The function that makes an answer from a request, as "module:name". It is found in the new process.

    Raises:
        OSError: No process could be started.
    """

    def __init__(self, place: str) -> None:
        if getattr(sys, "frozen", False) or not sys.executable:
            raise OSError("this program is no Python that could be started again")
        program = _PROGRAM.format(path=[path for path in sys.path if path], place=place, parent=os.getpid())
        self._process = subprocess.Popen(  # noqa: S603 - our own code, in the same Python
            [sys.executable, "-W", "ignore", "-c", program],  # the user's warnings are about the user's code
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            close_fds=True,
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        """Whether it could still answer."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it at once, from any thread: who waits for its answer learns that it has ended. `close` is still due."""
        if self.alive:
            _kill(self._process)

    def ask(self, request: Any) -> Any:
        """Return the answer to a request; both are what msgpack holds.

        Raises:
            OSError: The process has ended.
        """
        _write(self._process.stdin, request)
        answer = _read(self._process.stdout)
        if answer is None:
            raise OSError("the process that was asked has ended")
        return answer

    def close(self, patience: float = 0.0) -> None:
        """End the process, and what it has started.

        Args:
            patience: Seconds it gets to end by itself; then it is killed.
        """
        process = self._process
        assert process.stdin is not None  # noqa: S101 - pipes
        assert process.stdout is not None  # noqa: S101
        with suppress(OSError):  # what could not be flushed to a process that died is missed by nobody
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
        _kill(process)
        process.wait()
        process.stdout.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and its session: a service that a library started there must not stay behind."""
    with suppress(ProcessLookupError):  # it ended by itself, with all it had started
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def serve(place: str, parent: int) -> None:
    """Answer until nobody asks any more; what the process is started for.

    Args:
        place: See `HelperProcess`.
        parent: The process that asks.
    """
    if hasattr(os, "nice"):
        os.nice(10)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    module, _, name = place.partition(":")
    answer: Callable[[Any], Any] = getattr(import_module(module), name)
    while (request := _read(requests)) is not None:
        _write(answers, answer(request))


def _end_with(parent: int) -> None:
    if not hasattr(os, "killpg"):
        return  # where there are no forks, the pipe closes with the parent
    while os.getppid() == parent:
        time.sleep(1.0)
    time.sleep(GRACE)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _write(stream: IO[bytes] | None, message: Any) -> None:
    assert stream is not None  # noqa: S101 - a pipe on both sides
    data = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def _read(stream: IO[bytes] | None) -> Any:
    """Return the next message, or None where the other side is gone."""
    assert stream is not None  # noqa: S101
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return msgspec.msgpack.decode(data) if len(data) == length else None
