"""An evaluation as one HTML file that needs nothing else: its numbers, and its charts with values under the mouse."""

from __future__ import annotations

import html

from autotrack.evaluation.charts import KINDS
from autotrack.evaluation.html_report import to_html
from autotrack.evaluation.report import Evaluation
from autotrack.evaluation.svg_chart import to_svg

_STYLE = (
    "body{font:14px sans-serif;margin:1.5em;color:#222}table{border-collapse:collapse;margin:.5em 0}"
    "td,th{padding:2px 10px;text-align:left;border-bottom:1px solid #ddd}"
    "figure{display:inline-block;vertical-align:top;margin:0 1em 1em 0;width:560px;max-width:100%}"
    "rect:hover,circle:hover{stroke:#d55e00;stroke-width:2}"
)


def to_page(evaluation: Evaluation) -> str:
    """The evaluation as an HTML document without scripts and without anything from elsewhere."""
    title = html.escape(f"Evaluation: {evaluation.split}")
    charts = [kind.chart(evaluation) for kind in KINDS.values() if kind.applies(evaluation)]
    drawn = "\n".join(f"<figure>{to_svg(chart)}</figure>" for chart in charts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>{to_html(evaluation)}\n{drawn}</body></html>\n"
    )
