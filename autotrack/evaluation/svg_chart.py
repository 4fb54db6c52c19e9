"""Draw a chart as SVG that tells its numbers under the mouse: one small text, no script, no library, no network."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator

from autotrack.evaluation.marks import GREY, Bars, Cells, Chart, Line, shorten
from autotrack.evaluation.plotly_chart import color_of

WIDTH, HEIGHT = 520.0, 380.0
LEFT, RIGHT, TOP, BOTTOM = 90.0, 20.0, 50.0, 60.0
_DARK = 0.55
_LABELS = 20  # names along an axis; with more of them every n-th is written
_LEGEND_LINE = 16.0
_DOTS = 60  # places on a line that can be pointed at
_LIGHT, _DEEP = (247, 251, 255), (8, 48, 107)


def to_svg(chart: Chart) -> str:
    """The chart as an `<svg>` element; points, bars and cells show what they stand for when pointed at."""
    frame = _Frame(chart)
    named = [mark for mark in chart.marks if not isinstance(mark, Cells) and mark.name]
    height = HEIGHT + _LEGEND_LINE * len(named)
    about = f'role="img" aria-label="{_text(chart.title)}" font-family="sans-serif" font-size="11"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:g}" {about}>',
        f'<text x="{LEFT:g}" y="20" font-size="14" font-weight="bold">{_text(chart.title)}</text>',
        f'<text x="{LEFT:g}" y="36" fill="{GREY}">{_text(chart.note)}</text>',
        *frame.axes(),
        *(element for mark in chart.marks for element in _draw(mark, frame)),
        *_legend(named),
        "</svg>",
    ]
    return "\n".join(parts)


class _Frame:
    """Where the chart's numbers stand on the page."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.x_low, self.x_high = _bounds(chart, "x")
        self.y_low, self.y_high = _bounds(chart, "y")

    def x(self, value: float) -> float:
        return LEFT + (value - self.x_low) / (self.x_high - self.x_low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        share = share if self.chart.y_ticks is not None else 1.0 - share  # names are read from the top
        return TOP + share * (HEIGHT - TOP - BOTTOM)

    def axes(self) -> Iterator[str]:
        yield f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}" fill="none" '
        yield f'stroke="{GREY}" stroke-width="0.5"/>'
        for place, name in _ticks(self.x_low, self.x_high, self.chart.x_ticks):
            yield f'<text x="{self.x(place):.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{_text(name)}</text>'
        for place, name in _ticks(self.y_low, self.y_high, self.chart.y_ticks):
            yield f'<text x="{LEFT - 6}" y="{self.y(place) + 4:.1f}" text-anchor="end">{_text(name)}</text>'
        middle = (LEFT + WIDTH - RIGHT) / 2
        yield f'<text x="{middle}" y="{HEIGHT - 22}" text-anchor="middle">{_text(self.chart.x_title)}</text>'
        yield f'<text transform="translate(14 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        yield f"{_text(self.chart.y_title)}</text>"


def _bounds(chart: Chart, axis: str) -> tuple[float, float]:
    ticks = chart.x_ticks if axis == "x" else chart.y_ticks
    wanted = chart.x_range if axis == "x" else chart.y_range
    if ticks is not None:
        return -0.5, max(len(ticks), 1) - 0.5
    if wanted is not None:
        return wanted
    values = [value for mark in chart.marks for value in _values(mark, axis) if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _values(mark: Line | Bars | Cells, axis: str) -> list[float]:
    if isinstance(mark, Line):
        return mark.x if axis == "x" else mark.y
    if isinstance(mark, Bars):
        along = (axis == "x") == mark.flat
        half = mark.width / 2
        return [0.0, *mark.lengths] if along else [at + side for at in mark.places for side in (-half, half)]
    return [-0.5, len(mark.shares) - 0.5]


def _ticks(low: float, high: float, names: list[str] | None) -> list[tuple[float, str]]:
    """Where an axis is labelled: its names, or round numbers."""
    if names is None:
        step = _round_step((high - low) / 5)
        return [(at * step, f"{at * step:.6g}") for at in range(math.ceil(low / step), math.floor(high / step) + 1)]
    every = -(-len(names) // _LABELS)
    return [(float(at), shorten(name, 14)) for at, name in enumerate(names) if at % every == 0]


def _round_step(step: float) -> float:
    """Return the 1, 2 or 5 times a power of ten next above `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1.0, 2.0, 5.0, 10.0) if power * factor >= step * (1 - 1e-9))


def _draw(mark: Line | Bars | Cells, frame: _Frame) -> Iterator[str]:
    if isinstance(mark, Line):
        return _line(mark, frame)
    return _bars(mark, frame) if isinstance(mark, Bars) else _cells(mark, frame)


def _line(mark: Line, frame: _Frame) -> Iterator[str]:
    color, places = color_of(mark.color), list(zip(mark.x, mark.y, strict=True))
    if mark.style != "dots":
        dash = ' stroke-dasharray="5 4"' if mark.style == "dash" else ""
        path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.8"{dash}/>'
    if mark.style == "dash":
        return
    seen = mark.style in ("dots", "linked")
    for x, y in places[:: max(1, len(places) // _DOTS)]:
        look = f'fill="{color}"' if seen else 'fill="transparent"'
        hint = f"{mark.name}\n{frame.chart.x_title}: {x:.4g}\n{frame.chart.y_title}: {y:.4g}".strip()
        yield _hinted(f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="{3.5 if seen else 6}" {look}', hint)


def _bars(mark: Bars, frame: _Frame) -> Iterator[str]:
    half = mark.width / 2
    for place, length in zip(mark.places, mark.lengths, strict=True):
        along, across = (frame.x, frame.y) if mark.flat else (frame.y, frame.x)
        start, end = sorted((along(0.0), along(length)))
        low, high = sorted((across(place - half), across(place + half)))
        x, y, width, height = (
            (start, low, end - start, high - low) if mark.flat else (low, start, high - low, end - start)
        )
        box = f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color_of(mark.color)}"'
        yield _hinted(box, f"{mark.name}\n{length:.4g}".strip())


def _cells(mark: Cells, frame: _Frame) -> Iterator[str]:
    names = frame.chart.y_ticks or [], frame.chart.x_ticks or []
    width = abs(frame.x(1.0) - frame.x(0.0))
    height = abs(frame.y(1.0) - frame.y(0.0))
    for row, shares in enumerate(mark.shares):
        for column, share in enumerate(shares):
            x, y = frame.x(column), frame.y(row)
            box = f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}"'
            said = [f"{frame.chart.y_title}: {names[0][row]}" if row < len(names[0]) else ""]
            said += [f"{frame.chart.x_title}: {names[1][column]}" if column < len(names[1]) else ""]
            said += [f"{mark.legend}: {share:.1%}"]
            yield _hinted(f'{box} fill="{_blue(share)}"', "\n".join(filter(None, said)))
            if mark.texts is not None:
                yield from _cell_text(mark.texts[row][column], x, y, "white" if share > _DARK else "black")


def _cell_text(text: str, x: float, y: float, color: str) -> Iterator[str]:
    lines = text.split("\n")
    for at, line in enumerate(lines):
        below = y + 4 + 13 * (at - (len(lines) - 1) / 2)
        yield (
            f'<text x="{x:.1f}" y="{below:.1f}" fill="{color}" text-anchor="middle" pointer-events="none">'
            f"{_text(line)}</text>"
        )


def _legend(marks: list[Line | Bars]) -> Iterator[str]:
    for at, mark in enumerate(marks):
        y = HEIGHT + at * _LEGEND_LINE
        yield f'<rect x="{LEFT}" y="{y:g}" width="10" height="10" fill="{color_of(mark.color)}"/>'
        yield f'<text x="{LEFT + 16}" y="{y + 9:g}">{_text(mark.name)}</text>'


def _hinted(opening: str, hint: str) -> str:
    return f"{opening}><title>{_text(hint)}</title></{opening[1:].split(' ', 1)[0]}>"


def _blue(share: float) -> str:
    part = min(max(share if math.isfinite(share) else 0.0, 0.0), 1.0)
    return "#" + "".join(f"{round(low + (high - low) * part):02x}" for low, high in zip(_LIGHT, _DEEP, strict=True))


def _text(text: str) -> str:
    return html.escape(text)
