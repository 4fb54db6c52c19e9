"""The fit of an estimator, as one run."""

from __future__ import annotations

from collections.abc import Iterator

from autotrack.integration import Call, Patcher
from autotrack.integrations.sklearn import fitted
from autotrack.integrations.sklearn.classes import definition


def patch_fits(patcher: Patcher, owner: type) -> None:
    """Observe the methods that train, as far as this class defines them itself."""
    for method in ("fit", "fit_predict", "fit_transform"):
        place = definition(owner, method)
        if place is not None:
            patcher.observe(*place, observe_fit)


def observe_fit(call: Call) -> Iterator[None]:
    """Record a fit."""
    with call.run(name=type(call.instance).__name__) as run:
        yield
        fitted.remember(call.instance, run)
