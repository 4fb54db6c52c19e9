"""Say whether a model is good enough: compare the metrics of its run with criteria, and with those of another model."""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autotrack.errors import ModelError, RegistryError
from autotrack.history import History, current_history
from autotrack.models.mlmodel import MLMODEL_FILE
from autotrack.models.registry.reference import SCHEME

if TYPE_CHECKING:
    from autotrack.run import Run
    from autotrack.stored_run import StoredRun

BASELINE = "baseline"
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_CRITERION = re.compile(
    rf"\s*(?P<metric>\S.*?)\s*(?P<comparison>>=|<=|>|<)\s*"
    rf"(?:(?P<number>{_NUMBER})|{BASELINE}\s*(?:(?P<sign>[-+])\s*(?P<margin>{_NUMBER}))?)\s*"
)
_RUN = "runs:/"


class CriterionError(RegistryError):
    """A criterion cannot be read."""


class RejectedModelError(RegistryError):
    """A model does not meet the criteria it was to be registered under."""


class Criterion(msgspec.Struct, frozen=True):
    """What a metric has to be.

    Attributes:
        metric: Its name, such as "test_f1_score".
        comparison: One of ">=", "<=", ">", "<".
        threshold: The number on the right; with `relative`, what is added to the baseline's value.
        relative: Whether the right side is the metric of the baseline.
    """

    metric: str
    comparison: str
    threshold: float
    relative: bool = False


class Check(msgspec.Struct, frozen=True):
    """One criterion and what became of it.

    Attributes:
        criterion: As it was written.
        passed: Whether it is met.
        value: The model's metric, or None where its run has none of this name.
        threshold: What it was compared with, or None where the baseline has no such metric.
    """

    criterion: str
    passed: bool
    value: float | None
    threshold: float | None

    def __str__(self) -> str:
        """Return a line such as "test_f1_score >= 0.9: failed, it is 0.84"."""
        if self.value is None:
            return f"{self.criterion}: failed, the run has no such metric"
        if self.threshold is None:
            return f"{self.criterion}: failed, the baseline has no such metric"
        return f"{self.criterion}: {'passed' if self.passed else 'failed'}, it is {self.value:.6g}"


class Validation(msgspec.Struct, frozen=True):
    """Whether a model meets its criteria; it is true or false itself.

    Attributes:
        run_id: The run that made the model.
        checks: In the order of the criteria.
    """

    run_id: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether all criteria are met."""
        return all(check.passed for check in self.checks)

    def __bool__(self) -> bool:
        """Say the same as `passed`."""
        return self.passed

    def __str__(self) -> str:
        """Return a line for each criterion."""
        return "\n".join(map(str, self.checks))


def validate(
    model: str | os.PathLike[str] | Run | StoredRun,
    criteria: str | Iterable[str],
    *,
    baseline: str | os.PathLike[str] | Run | StoredRun | None = None,
    history: History | None = None,
) -> Validation:
    """Compare the last values of a run's metrics with criteria.

    A metric that is NaN, or that the run does not have, meets no criterion.

    Args:
        model: A run (itself, its id, the unique beginning of one, its name or "@last"), a model of one
            (`runs:/<id>/<model>`), a version (`models:/<name>/<version>`, `models:/<name>@<alias>`) or a model folder.
        criteria: Such as "test_f1_score >= 0.9", or with a baseline "test_f1_score > baseline + 0.01".
        baseline: Another model, such as the one in use: "models:/churn@champion".
        history: Where; by default what the settings name.

    Returns:
        Each criterion with the values that were compared; true where all are met.

    Raises:
        CriterionError: A criterion cannot be read, there is none, or one needs a baseline that is not given.
        RunNotFoundError: There is no such run.
        ModelNotFoundError: There is no such version.
        ModelError: No run of the store made the model.

    Example:
        >>> import autotrack
        >>> with autotrack.start_run() as run:  # doctest: +SKIP
        ...     run.log_metric("test_f1_score", 0.84)
        >>> print(autotrack.validate(run, "test_f1_score >= 0.9"))  # doctest: +SKIP
        test_f1_score >= 0.9: failed, it is 0.84
    """
    texts = [criteria] if isinstance(criteria, str) else list(criteria)
    read = {text: parse_criterion(text) for text in texts}
    if not read:
        raise CriterionError("there is no criterion; give one such as 'test_f1_score >= 0.9'")
    if baseline is None and any(one.relative for one in read.values()):
        raise CriterionError(
            "a criterion compares with the baseline; give one, such as baseline='models:/name@champion'"
        )
    history = history or current_history()
    run = _run_of(model, history)
    other = {} if baseline is None else _run_of(baseline, history).metrics
    return Validation(run.id, tuple(_check(text, one, run.metrics, other) for text, one in read.items()))


def parse_criterion(text: str) -> Criterion:
    """Read a criterion.

    Raises:
        CriterionError: It cannot be read.

    Example:
        >>> parse_criterion("test_log_loss < baseline - 0.01")
        Criterion(metric='test_log_loss', comparison='<', threshold=-0.01, relative=True)
    """
    found = _CRITERION.fullmatch(text)
    if found is None:
        raise CriterionError(
            f"{text!r} is no criterion: write METRIC, one of >= <= > <, and a number or `baseline + number`"
        )
    if found["number"] is not None:
        return Criterion(found["metric"], found["comparison"], float(found["number"]))
    margin = float(found["margin"] or 0)
    return Criterion(found["metric"], found["comparison"], -margin if found["sign"] == "-" else margin, relative=True)


def _check(text: str, criterion: Criterion, metrics: Mapping[str, float], baseline: Mapping[str, float]) -> Check:
    value = metrics.get(criterion.metric)
    threshold: float | None = criterion.threshold
    if criterion.relative:
        of_baseline = baseline.get(criterion.metric)
        threshold = None if of_baseline is None else of_baseline + criterion.threshold
    passed = value is not None and threshold is not None and _COMPARE[criterion.comparison](value, threshold)
    return Check(text, passed, value, threshold)


def _run_of(model: str | os.PathLike[str] | Run | StoredRun, history: History) -> StoredRun:
    from autotrack.models.registry.finding import find_version
    from autotrack.models.registry.reference import parse_reference

    reference = os.fspath(model) if isinstance(model, (str, os.PathLike)) else str(model.id)
    if reference.startswith(SCHEME):
        wanted = parse_reference(reference)
        run_id = find_version(wanted.name, **wanted.selector(), history=history).run_id
    elif Path(reference, MLMODEL_FILE).is_file():
        from autotrack.models.stored import open_model

        run_id = open_model(Path(reference)).run_id
    else:
        run_id = reference.removeprefix(_RUN).partition("/")[0] if reference.startswith(_RUN) else reference
    if run_id is None:
        raise ModelError(f"no run of this store made {reference}, so there are no metrics to compare")
    return history.get(run_id)
