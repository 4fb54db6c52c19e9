"""The fitted estimator as a model folder."""

from __future__ import annotations

from typing import Any

from autotrack import names
from autotrack.models.flavors.sklearn import sklearn_flavor
from autotrack.models.saving import save_model
from autotrack.models.snapshot import take_snapshot
from autotrack.run import Run


def log_model(run: Run, estimator: Any, inputs: Any, outputs: Any, name: str = names.MODEL) -> None:
    """Save a fitted estimator with the run, if the settings ask for it.

    Args:
        run: The run that trained it.
        estimator: The estimator.
        inputs: Its training data, for the signature.
        outputs: Some of its predictions, or its target, for the signature.
        name: Of the model within the run.
    """
    save_model(
        run,
        lambda path: take_snapshot(estimator, path),
        sklearn_flavor,
        inputs=inputs,
        outputs=outputs,
        name=name,
        convertible=True,
    )
