"""Text and tables on stdout: coloured and fitted to a terminal, plain and whole anywhere else.

The layout is made here and not by rich, whose import takes longer than all the rest of a short table.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import click

GAP = 2
HEAD_WIDTH = 18
LEAST_WIDTH = 8
_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36}


class Styled(NamedTuple):
    """Text with a style such as "green" or "bold red"."""

    text: str
    style: str


Cell: TypeAlias = str | Styled


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: Its head; empty for none.
        right: Align to the right, for numbers.
        flexible: On a terminal that is too narrow, cut its texts.
        style: Of all its cells that have none of their own.
    """

    title: str = ""
    right: bool = False
    flexible: bool = False
    style: str = ""


STATUS = {
    "finished": Styled("✓", "green"),
    "failed": Styled("✗", "bold red"),
    "killed": Styled("†", "bold red"),
    "interrupted": Styled("■", "yellow"),
    "running": Styled("●", "bold cyan"),
}
"""The sign of each status."""


class Screen:
    """Where a command prints its result.

    Attributes:
        width: Columns of the terminal, or None where nothing has to fit.
    """

    def __init__(self) -> None:
        self.width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        self._colors = _has_colors()

    def line(self, *cells: Cell) -> None:
        """Print texts one after the other."""
        self._print("".join(self._styled(printable(cell), cell) for cell in cells))

    def paragraph(self, cell: Cell, indent: int) -> None:
        """Print a text, broken into lines where it is too long for the terminal."""
        style = cell.style if isinstance(cell, Styled) else ""
        text = printable(cell)
        for line in [text] if self.width is None else textwrap.wrap(text, max(self.width - indent, LEAST_WIDTH)):
            self.line(" " * indent, Styled(line, style))

    def heading(self, title: str, remark: str = "") -> None:
        """Print the head of a section."""
        self.line()
        self.line(Styled(title, "bold"), Styled(f"  {remark}" if remark else "", "dim"))

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], indent: int = 0) -> None:
        """Print rows under the heads of their columns."""
        cells = [list(row) for row in rows]
        heads = [self.heads_of(column) for column in columns]
        widths = self._fit(columns, cells, indent)
        for number in range(max(map(len, heads), default=0)):
            titles = [Styled(head[number] if number < len(head) else "", "dim") for head in heads]
            if any(title.text for title in titles):
                self._row(columns, titles, widths, indent)
        for row in cells:
            self._row(columns, row, widths, indent)

    def width_of(self, column: Column, cells: Iterable[Cell]) -> int:
        """Return how wide a column wants to be."""
        return max(map(display_width, (*self.heads_of(column), *map(printable, cells))), default=0)

    def heads_of(self, column: Column) -> list[str]:
        """Return the lines of a head: a long one is broken where the table has to fit."""
        return [column.title] if self.width is None else fold(column.title)

    def _fit(self, columns: Sequence[Column], rows: list[list[Cell]], indent: int) -> list[int]:
        """Return the widths of the columns; flexible ones give way, the widest first."""
        widths = [self.width_of(column, (row[at] for row in rows)) for at, column in enumerate(columns)]
        if self.width is None:
            return widths
        flexible = [at for at, column in enumerate(columns) if column.flexible]
        excess = indent + sum(widths) + GAP * (len(widths) - 1) - self.width
        while excess > 0 and flexible:
            widest = max(flexible, key=lambda at: widths[at])
            if widths[widest] <= LEAST_WIDTH:
                break
            widths[widest] -= 1
            excess -= 1
        return widths

    def _row(self, columns: Sequence[Column], cells: Sequence[Cell], widths: Sequence[int], indent: int) -> None:
        parts = []
        for at, (column, cell, width) in enumerate(zip(columns, cells, widths, strict=True)):
            text = cut(printable(cell), width) if self.width is not None else printable(cell)
            space = " " * (width - display_width(text))
            styled = self._styled(text, cell if isinstance(cell, Styled) else Styled("", column.style))
            last = at == len(columns) - 1
            parts.append(space + styled if column.right else styled if last else styled + space)
        self._print((" " * indent + (" " * GAP).join(parts)).rstrip())

    def _styled(self, text: str, cell: Cell) -> str:
        if not self._colors or not isinstance(cell, Styled) or not cell.style or not text:
            return text
        codes = ";".join(str(_CODES[word]) for word in cell.style.split())
        return f"\x1b[{codes}m{text}\x1b[0m"

    def _print(self, text: str) -> None:
        click.echo(text, color=True)


def _has_colors() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def printable(cell: Cell) -> str:
    """Return the text of a cell on one line; what could steer a terminal becomes an escape."""
    text = cell.text if isinstance(cell, Styled) else cell
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def display_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(s) else 2 if unicodedata.east_asian_width(s) in "WF" else 1 for s in text)


def cut(text: str, width: int) -> str:
    """Cut a text to a width, with an ellipsis."""
    if display_width(text) <= width:
        return text
    while text and display_width(text) > width - 1:
        text = text[:-1]
    return text + "…"


def fold(title: str, width: int = HEAD_WIDTH) -> list[str]:
    """Break a long head behind underscores and the like.

    Example:
        >>> fold("test_balanced_accuracy_score")
        ['test_balanced_', 'accuracy_score']
    """
    words, word = [], ""
    for sign in title:
        word += sign
        if sign in "_-/. ":
            words.append(word)
            word = ""
    lines = [""]
    for part in (*words, word):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return lines


def say(message: str) -> None:
    """Print a message to the user, on stderr."""
    click.echo(message, err=True)
