"""Training in parts: the calls of `partial_fit` on one estimator are the steps of one run.

The run ends when the estimator is trained anew by `fit`, when it is no longer alive, with the process, or with
`disable`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from autotrack import names
from autotrack.evaluation import evaluate
from autotrack.evaluation.budget import LEAST_BUDGET, SHARE_OF_FIT, count_rows
from autotrack.integration import Call, Patcher
from autotrack.integrations.sklearn.classes import definition
from autotrack.integrations.sklearn.description import log_description
from autotrack.integrations.sklearn.kinds import REGRESSOR, has, is_model, kind_of
from autotrack.integrations.sklearn.model_file import log_model
from autotrack.integrations.sklearn.parameters import Data, log_estimator_params
from autotrack.integrations.sklearn.predicting import predict
from autotrack.integrations.sklearn.runs import log_data, remember, run_name, tags_of
from autotrack.patching.lasting import LastingTraining, LastingTrainings
from autotrack.patching.quiet import quietly
from autotrack.recording import current_recorder


class Parts(LastingTraining):
    """The open run of one estimator.

    Attributes:
        rows: Rows seen so far.
        fit_seconds: Time the estimator took.
        own_seconds: Time our evaluation took.
    """

    def __init__(self, estimator: Any) -> None:
        super().__init__(estimator, name=run_name(estimator), source="sklearn", tags=tags_of(estimator))
        self.rows = 0
        self.fit_seconds = 0.0
        self.own_seconds = 0.0
        self._sample: Any = None
        self._said_skipped = False

    def record(self, call: Call, data: Data) -> None:
        """Log one step: rows seen, loss, and how well the model fits this batch."""
        self.rows += count_rows(data.X)
        self.fit_seconds += call.seconds
        self.run.log_metric("n_samples_seen", self.rows, self.steps)
        loss = getattr(call.instance, "__dict__", {}).get("loss_")
        if isinstance(loss, float):
            self.run.log_metric("loss", loss, self.steps)
        started = time.perf_counter()
        if self._can_afford():
            self._evaluate(call, data)
        elif current_recorder().settings.log_evaluation and not self._said_skipped:
            self._said_skipped = True
            share = f"more than {SHARE_OF_FIT:.0%} of the training, or than evaluation_budget"
            self.run.note("evaluation.skipped", f"step {self.steps}, and others after it: evaluating all takes {share}")
        self.own_seconds += time.perf_counter() - started
        if self.steps == 0:
            self._sample = (data.X[:1], None if data.y is None else data.y[:1]) if hasattr(data.X, "dtype") else None
        self.steps += 1

    def _can_afford(self) -> bool:
        settings = current_recorder().settings
        limit = min(settings.evaluation_budget, max(LEAST_BUDGET, SHARE_OF_FIT * self.fit_seconds))
        return settings.log_evaluation and self.own_seconds < limit

    def _evaluate(self, call: Call, data: Data) -> None:
        estimator = call.instance
        if data.y is None or not has(estimator, "predict"):
            return
        kind = kind_of(estimator)
        with quietly(call, estimator):
            try:
                labels, scores, _missing = predict(estimator, data.X, kind)
                task = "regression" if kind == REGRESSOR and getattr(labels, "ndim", 1) == 1 else None
                classes = None if task else getattr(estimator, "classes_", None)
                report = evaluate(data.y, labels, scores, labels=classes, split=names.TRAINING, task=task)
            except Exception as error:  # noqa: BLE001 - the model is the user's, and a batch may hold anything
                self.run.note("evaluation.skipped", f"step {self.steps}: {type(error).__name__}: {error}")
                return
        values = {f"{names.TRAINING}_{name}": value for name, value in report.metrics.items() if value is not None}
        self.run.log_metrics(values, self.steps)

    def keep(self, subject: Any) -> None:
        """Save the model if it is still alive."""
        if subject is None:
            self.run.note("model.skipped", "the estimator was gone when its last part had been trained")
        else:
            inputs, target = self._sample or (None, None)
            log_model(self.run, subject, inputs, target)
            log_description(self.run, subject)
        self.run.log_param("partial_fit.calls", self.steps)


open_parts = LastingTrainings(Parts)


def patch_partial_fits(patcher: Patcher, owner: type) -> None:
    """Observe `partial_fit`, as far as this class defines it itself."""
    place = definition(owner, "partial_fit")
    if place is not None:
        patcher.observe(*place, observe_partial_fit)


def observe_partial_fit(call: Call) -> Iterator[None]:
    """Record one call of `partial_fit` as a step of the estimator's run."""
    estimator = call.instance
    if not is_model(estimator):
        return
    data = Data(call)
    with open_parts.part(call) as parts:
        if parts.steps == 0:
            log_estimator_params(parts.run, estimator)
            log_data(parts.run, data)
        yield
    parts.record(call, data)
    call.add_overhead(parts.run)
    remember(estimator, parts.run, data)
