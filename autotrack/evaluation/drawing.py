"""Draw an evaluation's pictures in a process of its own, so that drawing takes no time from the one that trains.

matplotlib draws for a tenth of a second and holds Python's lock meanwhile, and importing it takes another half. The
process is started with the first picture, runs at the lowest priority, ends itself where a picture takes too long, and
ends with the one that started it. It speaks length-prefixed msgpack over its stdin and stdout.
"""

from __future__ import annotations

import faulthandler
import os
import struct
import subprocess
import sys
from typing import IO, Any

import msgspec

from autotrack.errors import MissingDependencyError

PATIENCE = 60.0
_LENGTH = struct.Struct("<I")
_PROGRAM = "import sys; sys.path[:] = {path!r}; from autotrack.evaluation.drawing import serve; serve()"


class Draughtsman:
    """Draws pictures elsewhere. Use it from one thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def draw(self, report: dict[str, Any], kinds: tuple[str, ...]) -> dict[str, bytes]:
        """Draw what an evaluation has of some kinds of figure.

        Args:
            report: `Evaluation.to_dict()`.
            kinds: Of `figures.available`.

        Returns:
            PNG files by name, such as "test_roc_curve.png".

        Raises:
            MissingDependencyError: matplotlib is not installed.
            OSError: No process could be started, or it died or took too long over this evaluation.
        """
        if self._process is None:
            self._process = _start()
        try:
            _write(self._process.stdin, (report, kinds))
            answer = _read(self._process.stdout)
        except OSError:
            self.close()
            raise
        if answer is None:
            self.close()
            raise OSError("the process that draws pictures has ended")
        if "missing" in answer:
            raise MissingDependencyError("matplotlib", "plots")
        files: dict[str, bytes] = answer["files"]
        return files

    def close(self) -> None:
        """End the process; it is started again when there is more to draw."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _start() -> subprocess.Popen[bytes]:
    program = _PROGRAM.format(path=[path for path in sys.path if path])
    return subprocess.Popen(  # noqa: S603 - our own code, in the same Python
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        close_fds=True,
    )


def serve() -> None:
    """Draw until nobody asks any more; what the process is started for."""
    if hasattr(os, "nice"):
        os.nice(19)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever a library prints is no answer
    while (request := _read(requests)) is not None:
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        _write(answers, _answer(*request))
        faulthandler.cancel_dump_traceback_later()


def _answer(report: dict[str, Any], kinds: list[str]) -> dict[str, Any]:
    from autotrack.evaluation.figures import available, file_name, png
    from autotrack.evaluation.report import Evaluation

    evaluation = Evaluation.from_dict(report)
    shown = [kind for kind in kinds if kind in available(evaluation)]
    try:
        return {"files": {file_name(evaluation, kind): png(evaluation, kind) for kind in shown}}
    except MissingDependencyError:
        return {"missing": True}


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
