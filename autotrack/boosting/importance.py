"""Feature importances as files, one for each type, under MLflow's names, and as pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping

from autotrack.evaluation.marks import Bars, Chart, shorten
from autotrack.evaluation.svg_chart import to_svg
from autotrack.run import Run

MOST_BARS = 20


def log_importances(run: Run, importances: Mapping[str, Mapping[str, float]]) -> None:
    """Write `feature_importance_<type>.json` and `.svg` in the background, the most important feature first.

    Args:
        run: The run.
        importances: By type, for each feature its importance.
    """

    def write() -> None:
        for kind, values in importances.items():
            if values:
                ordered = dict(sorted(values.items(), key=lambda item: item[1], reverse=True))
                run.log_text(json.dumps(ordered, indent=1), f"feature_importance_{kind}.json")
                run.log_text(to_svg(chart_of(kind, ordered)), f"feature_importance_{kind}.svg")

    run.defer("writing feature importances", write)


def chart_of(kind: str, ordered: Mapping[str, float]) -> Chart:
    """Show the most important features as bars.

    Args:
        kind: The type of the importances.
        ordered: For each feature its importance, the most important first.
    """
    shown = list(ordered.items())[:MOST_BARS]
    places = [float(place) for place in range(len(shown))]
    lengths = [float(value) for _, value in shown]
    return Chart(
        title=f"Feature importance ({kind})",
        note=f"the {MOST_BARS} largest of {len(ordered)}" if len(ordered) > MOST_BARS else "",
        x_title="importance",
        y_title="",
        marks=(Bars(name="", places=places, lengths=lengths, width=0.8, flat=True),),
        y_ticks=[shorten(name, 12) for name, _ in shown],
    )
