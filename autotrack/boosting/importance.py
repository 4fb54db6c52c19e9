"""Feature importances as files, one for each type, under MLflow's names."""

from __future__ import annotations

import json
from collections.abc import Mapping

from autotrack.run import Run


def log_importances(run: Run, importances: Mapping[str, Mapping[str, float]]) -> None:
    """Write `feature_importance_<type>.json` in the background, the most important feature first.

    Args:
        run: The run.
        importances: By type, for each feature its importance.
    """

    def write() -> None:
        for kind, values in importances.items():
            if values:
                ordered = dict(sorted(values.items(), key=lambda item: item[1], reverse=True))
                run.log_text(json.dumps(ordered, indent=1), f"feature_importance_{kind}.json")

    run.defer("writing feature importances", write)
