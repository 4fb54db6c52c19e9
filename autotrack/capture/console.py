"""The end of what a program prints, kept in memory and made readable: as the terminal showed it, without colours.

`keep` is called for every write on the program's own threads, so it only stores the text: no lock, which a signal
handler that prints could never get, and only the last of it. All else is the worker's.
"""

from __future__ import annotations

import itertools
import re
from collections import deque
from itertools import takewhile

from autotrack.capture.secrets import mask_text

MAX_KEPT = 1_000_000
"""Characters of raw output that stay in memory."""
MAX_WRITES = 50_000
"""Writes that stay in memory, however short: each costs some 130 bytes beside its text."""
MAX_SHOWN = 200_000
"""Characters of a run's `console.txt`."""

_TOKEN = re.compile(
    r"\x1b\[(?P<numbers>[0-9;?]*)[ -/]*(?P<command>[@-~])"  # colours, movements, erasing
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]"  # titles, links and the like
    r"|(?P<control>[\r\n\b])|(?P<text>[^\x1b\r\n\b]+)|\x1b"
)


class Console:
    """What was printed last, in order."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._chunks: deque[tuple[int, str]] = deque()
        self._size = 0

    def keep(self, text: str) -> None:
        """Remember a text that was printed."""
        text = text[-MAX_KEPT:]
        self._chunks.append((next(self._numbers), text))
        self._size += len(text)
        while (self._size > MAX_KEPT or len(self._chunks) > MAX_WRITES) and len(self._chunks) > 1:
            self._size -= len(self._chunks.popleft()[1])

    def mark(self) -> int:
        """Return the place where the output is now."""
        return next(self._numbers)

    def has_since(self, mark: int) -> bool:
        """Say whether anything was printed after a mark."""
        return bool(self._chunks) and self._chunks[-1][0] > mark

    def between(self, mark: int, end: int) -> str:
        """Return what was printed between two marks, as far as it is still kept."""
        chunks = takewhile(lambda chunk: chunk[0] > mark, reversed(tuple(self._chunks)))
        texts = [text for number, text in chunks if number < end]
        return "".join(reversed(texts))


console = Console()
"""The console of this process."""


def readable(raw: str) -> str:
    r"""Return the lines that a terminal would show at the end, secrets masked, the beginning cut if it is long.

    Progress bars that redraw their line leave its last state, also several below each other.

    Example:
        >>> readable("10%\r50%\r\x1b[32m100%\x1b[0m\ndone\n")
        '100%\ndone\n'
    """
    screen = _Screen()
    for token in _TOKEN.finditer(raw):
        screen.take(token)
    text = mask_text("\n".join(line.rstrip() for line in screen.lines)).value
    if len(text) > MAX_SHOWN:
        text = f"[{len(text) - MAX_SHOWN} earlier characters are not kept]\n{text[-MAX_SHOWN:]}"
    return text


class _Screen:
    """As much of a terminal as progress bars need."""

    def __init__(self) -> None:
        self.lines = [""]
        self._row = self._column = 0

    def take(self, token: re.Match[str]) -> None:
        if token["text"]:
            line = self.lines[self._row].ljust(self._column)
            self.lines[self._row] = line[: self._column] + token["text"] + line[self._column + len(token["text"]) :]
            self._column += len(token["text"])
        elif token["control"]:
            self._move(token["control"])
        elif token["command"] == "A":
            self._row = max(0, self._row - int(token["numbers"] or 1))
        elif token["command"] == "K":
            self.lines[self._row] = "" if token["numbers"] == "2" else self.lines[self._row][: self._column]

    def _move(self, control: str) -> None:
        if control == "\b":
            self._column = max(0, self._column - 1)
            return
        self._column = 0
        if control == "\n":
            self._row += 1
            if self._row == len(self.lines):
                self.lines.append("")
