"""What the run of a training is called, and MLflow's tags that say what was trained."""

from __future__ import annotations

from autotrack import names
from autotrack.recording import current_recorder


def run_name(default: str) -> str:
    """Return the name of a run: the setting's, else `default`."""
    return current_recorder().settings.run_name or default


def tags_of(library: str, model: object) -> dict[str, str]:
    """Return MLflow's tags of a run that trains a model with a library."""
    kind = type(model)
    return {
        names.AUTOLOGGING: library,
        names.ESTIMATOR_NAME: kind.__name__,
        names.ESTIMATOR_CLASS: f"{kind.__module__}.{kind.__qualname__}",
    }
