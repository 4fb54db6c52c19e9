"""The marks a chart is made of: lines, bars and a table of coloured cells, on one pair of axes.

`plotly_chart.py` and `matplotlib_chart.py` draw them, and neither knows what an evaluation is. Colours are numbers
into the palette of Okabe and Ito, which colour-blind readers can tell apart; None is grey, for chance and ideal lines.
"""

from __future__ import annotations

from typing import Literal

import msgspec

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#000000")
GREY = "#7F7F7F"

LineStyle = Literal["solid", "dash", "dots", "linked"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Points joined by a line, a dashed line, dots alone, or dots linked by a line.

    Attributes:
        name: For the legend; an empty one is not listed.
        step: Whether y holds until the next x, as precision does.
    """

    name: str
    x: list[float]
    y: list[float]
    color: int | None = 0
    style: LineStyle = "solid"
    step: bool = False


class Bars(msgspec.Struct, frozen=True, kw_only=True):
    """One bar of a length for each place, upright, or lying if `flat`."""

    name: str
    places: list[float]
    lengths: list[float]
    width: float
    color: int = 0
    flat: bool = False


class Cells(msgspec.Struct, frozen=True, kw_only=True):
    """A table of shares from 0 to 1 shown by colour; `texts` stand in the cells, or None where they are too small."""

    shares: list[list[float]]
    texts: list[list[str]] | None
    legend: str


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Marks and what stands around them.

    Attributes:
        note: A line below the title.
        x_range: Bounds of the axis, or None to fit the marks.
        y_range: Likewise.
        x_ticks: Names of the places 0, 1, 2, … of the axis, or None for numbers.
        y_ticks: Likewise; place 0 is at the top.
        square: Whether one unit of x is as long as one of y.
    """

    title: str
    x_title: str
    y_title: str
    marks: tuple[Line | Bars | Cells, ...]
    note: str = ""
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    x_ticks: list[str] | None = None
    y_ticks: list[str] | None = None
    square: bool = False


def shorten(label: str, length: int = 24) -> str:
    """A label short enough to stand beside others: its start and its end, which often tells similar ones apart."""
    if len(label) <= length:
        return label
    end = (length - 1) // 2
    return f"{label[: length - 1 - end]}…{label[-end:]}"
