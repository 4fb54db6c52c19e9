"""Draw a chart as a Plotly figure in plain builtins; the plotly package is not needed to write one."""

from __future__ import annotations

from typing import Any

from autotrack.evaluation.marks import GREY, PALETTE, Bars, Cells, Chart, Line

_MODES = {"solid": "lines", "dash": "lines", "dots": "markers", "linked": "lines+markers"}

_BLUES = [[0.0, "#f7fbff"], [0.5, "#6baed6"], [1.0, "#08306b"]]  # from light to dark; "Blues" is not so everywhere


def to_plotly(chart: Chart) -> dict[str, Any]:
    """The figure as `{"data": [...], "layout": {...}}`, as plotly.js and `plotly.graph_objects.Figure` take it."""
    return {"data": [_trace(mark, chart) for mark in chart.marks], "layout": _layout(chart)}


def color_of(number: int | None) -> str:
    """Colour code of a palette number."""
    return GREY if number is None else PALETTE[number % len(PALETTE)]


def _trace(mark: Line | Bars | Cells, chart: Chart) -> dict[str, Any]:
    if isinstance(mark, Line):
        return _line(mark)
    if isinstance(mark, Bars):
        return _bars(mark)
    return _cells(mark, chart)


def _line(mark: Line) -> dict[str, Any]:
    color = color_of(mark.color)
    return {
        "type": "scatter",
        "mode": _MODES[mark.style],
        "name": escape(mark.name),
        "x": mark.x,
        "y": mark.y,
        "line": {"color": color, "width": 2, "dash": "dash" if mark.style == "dash" else "solid"},
        "marker": {"color": color, "size": 7},
        "showlegend": bool(mark.name),
    }


def _bars(mark: Bars) -> dict[str, Any]:
    across, along = ("y", "x") if mark.flat else ("x", "y")
    return {
        "type": "bar",
        "name": escape(mark.name),
        across: mark.places,
        along: mark.lengths,
        "width": mark.width,
        "orientation": "h" if mark.flat else "v",
        "marker": {"color": color_of(mark.color)},
        "showlegend": bool(mark.name),
    }


def _cells(mark: Cells, chart: Chart) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": mark.shares,
        "zmin": 0,
        "zmax": 1,
        "colorscale": _BLUES,
        "colorbar": {"title": {"text": mark.legend, "side": "right"}, "tickformat": ".0%"},
        "hovertemplate": (
            f"{chart.y_title}: %{{y}}<br>{chart.x_title}: %{{x}}<br>{mark.legend}: %{{z:.1%}}<extra></extra>"
        ),
    }
    if mark.texts is not None:
        trace["text"] = [[text.replace("\n", "<br>") for text in row] for row in mark.texts]
        trace["texttemplate"] = "%{text}"
    return trace


def _layout(chart: Chart) -> dict[str, Any]:
    note = f"<br><sup>{escape(chart.note)}</sup>" if chart.note else ""
    x_axis = _axis(chart.x_title, chart.x_range, chart.x_ticks)
    y_axis = _axis(chart.y_title, chart.y_range, chart.y_ticks)
    if chart.y_ticks is not None:
        y_axis["autorange"] = "reversed"
    if chart.square:
        y_axis |= {"scaleanchor": "x", "constrain": "domain"}
        x_axis["constrain"] = "domain"
    return {
        "title": {"text": escape(chart.title) + note},
        "xaxis": x_axis,
        "yaxis": y_axis,
        "template": "plotly_white",
        "bargap": 0,
        "legend": {"orientation": "v", "tracegroupgap": 4},
        "margin": {"l": 60, "r": 20, "t": 60, "b": 50},
    }


def _axis(title: str, bounds: tuple[float, float] | None, ticks: list[str] | None) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": escape(title)}, "automargin": True}
    if bounds is not None:
        axis["range"] = list(bounds)
    if ticks is not None:
        axis |= {"tickmode": "array", "tickvals": list(range(len(ticks))), "ticktext": [escape(tick) for tick in ticks]}
    return axis


def escape(text: str) -> str:
    """Text that Plotly, which reads some HTML, shows as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
