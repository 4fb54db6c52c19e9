"""One fit of a model as one run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autotrack import names
from autotrack.capture.arguments import plain
from autotrack.held_out import fitted
from autotrack.integration import Call
from autotrack.integrations.statsmodels.results import apart, log_results
from autotrack.models.flavors.statsmodels import statsmodels_flavor
from autotrack.models.saving import save_model
from autotrack.models.snapshot import Snapshot, take_snapshot
from autotrack.naming import run_name, tags_of
from autotrack.recording import current_recorder
from autotrack.run import Run

MODEL_FACTS = ("endog_names", "formula", "missing", "hasconst", "link", "family", "order", "seasonal_order", "trend")


def observe_fit(call: Call) -> Iterator[None]:
    """Record one fit: what was asked for, what was estimated, how it fits, and the results as a model."""
    model = call.instance
    arguments = call.arguments()
    with call.run(name=run_name(type(model).__name__), tags=tags_of("statsmodels", model)) as run:
        run.log_params({**facts_of(apart(model)), **{key: plain(value) for key, value in arguments.items()}})
        _log_data(run, model)
        yield
        results = getattr(call.result, "_results", call.result)
        if results is None:
            return
        fitted.remember(results, run, model.endog)
        own = apart(results)
        log_results(call, run, own)
        _save(run, own if results is call.result else type(call.result)(own), model)


def facts_of(model: Any) -> dict[str, Any]:
    """Return what defines a model beside its data: formula, family and link, orders."""
    found = {"model": type(model).__name__}
    for name in MODEL_FACTS:
        value: Any = getattr(model, name, None)
        if name == "family" and hasattr(value, "link"):
            found["link"] = type(value.link).__name__
            value = type(value).__name__
        if value is not None and isinstance(value, (str, int, float, tuple, list)):
            found[name] = plain(value)
    return found


def _log_data(run: Run, model: Any) -> None:
    if not current_recorder().settings.log_datasets:
        return
    data = model.data
    features = data.orig_exog if data.orig_exog is not None else data.orig_endog
    target = data.orig_endog if data.orig_exog is not None else None
    run.log_dataset(features, name=names.TRAINING, target=target, context="train")


def _save(run: Run, results: Any, model: Any) -> None:
    data = model.data
    by_formula = getattr(model, "formula", None) is not None  # then `predict` takes the raw columns, which are not here
    known = data.orig_exog is not None and not by_formula

    def take(path: Path) -> Snapshot:
        return take_snapshot(results, path)

    inputs = data.orig_exog if known else None
    save_model(run, take, statsmodels_flavor, inputs=inputs, outputs=data.orig_endog if known else None)
