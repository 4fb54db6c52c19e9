"""What all runs of this integration begin with: their name and tags."""

from __future__ import annotations

from typing import Any

from autotrack import names, naming
from autotrack.held_out import fitted
from autotrack.run import Run


def run_name(model: Any) -> str:
    """Return the name of a run that trains `model`: the setting's, else that of the model."""
    return naming.run_name(str(model.name))


def log_origin(run: Run, model: Any) -> None:
    """Tag a run with the one whose model it trains on, if there is one."""
    earlier = fitted.run_of(model)
    if earlier is not None and earlier is not run:
        run.set_tag(names.CONTINUED_FROM, earlier.id)


def tags_of(model: Any) -> dict[str, str]:
    """Return MLflow's tags of a run that trains `model`."""
    return naming.tags_of("keras", model)
