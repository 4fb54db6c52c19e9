"""Draw a chart as PNG with matplotlib's Agg canvas alone: no pyplot, so the user's backend and figures stay untouched.

Sizes and colours are given with each element and labels are never read as TeX, so neither the user's rcParams nor a
class called "$x" can break the picture.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from autotrack.errors import MissingDependencyError
from autotrack.evaluation.marks import Bars, Cells, Chart, Line
from autotrack.evaluation.plotly_chart import color_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FONT = 9.0
_DARK_CELL = 0.55
_LINE_STYLES = {"solid": "-", "dash": "--", "dots": "none", "linked": "-"}
_MANY_LEGEND_ENTRIES = 4
_LEGEND_DROP = 0.55  # inches, room for the ticks and the title of the axis
_LEGEND_COLUMNS = 2
_ROOM_FOR_TICKS = 40  # letters


def to_png(chart: Chart, dpi: int) -> bytes:
    """The picture as the bytes of a PNG file.

    Raises:
        MissingDependencyError: If matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError as error:
        raise MissingDependencyError("matplotlib", "plots") from error
    figure = Figure(
        figsize=_size(chart), dpi=dpi, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08), facecolor="white"
    )
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor="white")
    for mark in chart.marks:
        if isinstance(mark, Line):
            _draw_line(axes, mark)
        elif isinstance(mark, Bars):
            _draw_bars(axes, mark)
        else:
            _draw_cells(figure, axes, mark)
    _dress(axes, chart)
    _plain_text(figure)
    buffer = io.BytesIO()
    canvas.print_png(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _size(chart: Chart) -> tuple[float, float]:
    """Width and height in inches: more room for many names."""
    names = len(chart.y_ticks or ())
    if chart.x_ticks is not None:
        side = min(12.0, max(4.6, 2.6 + 0.42 * names))
        return side + 0.9, side
    if names:
        return 7.2, max(2.6, 1.4 + 0.27 * names)
    return (5.6, 5.2) if chart.square else (6.4, 4.4)


def _draw_line(axes: Axes, mark: Line) -> None:
    dots = mark.style in ("dots", "linked")
    axes.plot(
        mark.x,
        mark.y,
        label=mark.name,
        color=color_of(mark.color),
        linestyle=_LINE_STYLES[mark.style],
        linewidth=1.2 if mark.style == "dash" else 1.8,
        marker="o" if dots else "",
        markersize=4.5,
        zorder=3,
    )


def _draw_bars(axes: Axes, mark: Bars) -> None:
    draw = axes.barh if mark.flat else axes.bar
    bars = draw(mark.places, mark.lengths, mark.width, label=mark.name, color=color_of(mark.color), zorder=2)
    for bar in bars:
        bar.set(edgecolor="white", linewidth=0.5)


def _draw_cells(figure: Figure, axes: Axes, mark: Cells) -> None:
    image = axes.imshow(mark.shares, cmap="Blues", vmin=0.0, vmax=1.0, aspect="equal", interpolation="nearest")
    bar = figure.colorbar(image, ax=axes, shrink=0.75, pad=0.02)
    bar.set_label(mark.legend, fontsize=_FONT)
    bar.ax.tick_params(labelsize=_FONT - 1)
    if mark.texts is None:
        return
    size = _FONT if len(mark.shares) <= 10 else _FONT - 3.0
    for row, (shares, texts) in enumerate(zip(mark.shares, mark.texts, strict=True)):
        for column, (share, text) in enumerate(zip(shares, texts, strict=True)):
            color = "white" if share > _DARK_CELL else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color=color)


def _dress(axes: Axes, chart: Chart) -> None:
    """Titles, ticks, bounds, grid and legend."""
    axes.set_title(f"{chart.title}\n{chart.note}" if chart.note else chart.title, fontsize=_FONT + 2, color="black")
    axes.set_xlabel(chart.x_title, fontsize=_FONT, color="black")
    axes.set_ylabel(chart.y_title, fontsize=_FONT, color="black")
    axes.tick_params(labelsize=_FONT - 1, colors="black")
    if chart.x_ticks is not None:
        slanted = max(map(len, chart.x_ticks), default=0) * len(chart.x_ticks) > _ROOM_FOR_TICKS
        turn: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
        axes.set_xticks(range(len(chart.x_ticks)), chart.x_ticks, **turn)
    if chart.y_ticks is not None:
        axes.set_yticks(range(len(chart.y_ticks)), chart.y_ticks)
        axes.set_ylim(len(chart.y_ticks) - 0.5, -0.5)
    if chart.x_range is not None:
        axes.set_xlim(*chart.x_range)
    if chart.y_range is not None:
        axes.set_ylim(*chart.y_range)
    if any(isinstance(mark, Cells) for mark in chart.marks):
        return
    axes.set_axisbelow(True)
    axes.grid(visible=True, color="#DDDDDD", linewidth=0.6, axis="x" if chart.y_ticks is not None else "both")
    axes.spines[["top", "right"]].set_visible(False)
    if chart.square:
        axes.set_aspect("equal", adjustable="box")
    _add_legend(axes, chart)


def _add_legend(axes: Axes, chart: Chart) -> None:
    """Inside where few entries leave room; below the axes where they are many or bars fill the axes."""
    handles, labels = axes.get_legend_handles_labels()
    if not any(labels):
        return
    inside = len(labels) <= _MANY_LEGEND_ENTRIES and chart.y_ticks is None
    place: dict[str, Any] = {"loc": "best"}
    if not inside:
        height = axes.get_position().height * _size(chart)[1]
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -_LEGEND_DROP / height), "ncols": _LEGEND_COLUMNS}
    axes.legend(handles, labels, fontsize=_FONT - 1, framealpha=0.9, **place)


def _plain_text(figure: Figure) -> None:
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_usetex(False)
        text.set_parse_math(False)
