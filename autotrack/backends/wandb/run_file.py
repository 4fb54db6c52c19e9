"""Watch what W&B's service has written of a run, since no call of its SDK says so.

The service takes messages in order and writes them to the run's file, online too, some time later; it even answers
`finish` before. Only what stands in that file survives, so a batch is taken when its last row, its config and the end
of the run can be read there. The format is that of LevelDB's log: blocks of 32 KiB with pieces of records, each
with checksum, length and kind; a record is one of W&B's protos.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

from autotrack.errors import RetryableError

ABOUT = "autotrack"
"""Key in W&B's config below which stands what W&B has no place for."""
PATIENCE = 20.0
LOOK = 0.01
_BLOCK, _START = 32 * 1024, 7
_PIECE = struct.Struct("<IHB")
_WHOLE, _LAST = 1, 4


class RunFile:
    """What can be read of one run up to now.

    Args:
        path: The file; W&B makes it when the run begins.

    Attributes:
        row: Number of the last row of the history.
        updates: How often the config had been sent, as it says itself below `autotrack`.
        ended: Whether the run's end is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.row = -1
        self.updates = 0
        self.ended = False
        self._at = _START

    def wait(self, done: Callable[[RunFile], bool]) -> None:
        """Return when a condition holds.

        Raises:
            RetryableError: It does not for many seconds.
        """
        deadline = time.monotonic() + PATIENCE
        while not done(self):
            if time.monotonic() > deadline:
                raise RetryableError(f"the service of Weights & Biases does not write to {self.path}")
            time.sleep(LOOK)
            self._look()

    def _look(self) -> None:
        for record, end in records(self.path, self._at):
            self._at = end
            match record.WhichOneof("record_type"):
                case "history":
                    self.row = max(self.row, record.history.step.num)
                case "config":
                    about = [json.loads(item.value_json) for item in record.config.update if item.key == ABOUT]
                    self.updates = max([self.updates, *(found["updates"] for found in about)])
                case "exit":
                    self.ended = True


def records(path: Path, at: int = _START) -> Iterator[tuple[Any, int]]:
    """Yield whole records from a place in the file on, each with the place behind it."""
    with path.open("rb") as file:
        file.seek(at)
        data, base = file.read(), at
    parts = b""
    while at - base + _PIECE.size <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _PIECE.size:  # the end of a block is filled with zeros
            at += left
            continue
        _, length, kind = _PIECE.unpack_from(data, at - base)
        at += _PIECE.size
        piece = data[at - base : at - base + length]
        if kind == 0 or len(piece) < length:
            return
        at += length
        parts += piece
        if kind in (_WHOLE, _LAST):
            yield wandb_internal_pb2.Record.FromString(parts), at  # type: ignore[attr-defined] # protobuf's stubs lag behind
            parts = b""
