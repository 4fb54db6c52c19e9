"""See what every estimator predicts."""

from __future__ import annotations

from autotrack.held_out.predictions import METHODS, noted
from autotrack.integration import Patcher
from autotrack.integrations.sklearn.classes import definition


def patch_predictions(patcher: Patcher, owner: type) -> None:
    """Note the predictions of a class, as far as it defines the methods itself."""
    for method in METHODS:
        place = definition(owner, method)
        if place is not None:
            holder, name = place
            patcher.replace(holder, name, noted(patcher, getattr(holder, name), method))
