"""Training on a cluster: one run, recorded where the user calls; data on the cluster are nobody's to read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from autotrack import names
from autotrack.boosting.nesting import is_own
from autotrack.boosting.parameters import given
from autotrack.boosting.runs import tags_of
from autotrack.held_out import fitted
from autotrack.integration import Call
from autotrack.naming import run_name
from autotrack.run import Run

NOT_READ = "the data lie on a cluster and are not read again"


def observe_distributed_fit(
    call: Call, *, library: str, finish: Callable[[Run, Any, dict[str, Any]], None]
) -> Iterator[None]:
    """Record one fit of an estimator whose data lie on a cluster.

    Args:
        call: The call of `fit`.
        library: Name of the integration.
        finish: Logs what the fitted estimator knows, given the parameters that were logged.
    """
    estimator = call.instance
    if not is_own(call, estimator):
        return
    with call.run(name=run_name(type(estimator).__name__), tags=tags_of(library, estimator)) as run:
        if not run.first(f"{library}.fit"):
            return
        for part in (names.MODEL, "dataset", f"evaluation:{names.TRAINING}"):
            run.first(part)  # so that the integration of scikit-learn leaves it
        known = given({name: value for name, value in estimator.get_params().items() if name != "client"})
        if run.first("params"):
            run.log_params(known)
        yield
        fitted.remember(estimator, run)
        finish(run, estimator, known)
        run.note("evaluation.skipped", NOT_READ)
