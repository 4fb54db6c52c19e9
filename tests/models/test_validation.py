"""`autotrack.validate`: criteria that a model has to meet, and the registry behind them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

import autotrack
from autotrack import recording
from autotrack.errors import ModelNotFoundError, RunNotFoundError
from autotrack.models import registry
from autotrack.models.validation import Criterion, CriterionError, RejectedModelError, parse_criterion

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture
def trained(binary_data: tuple[np.ndarray, np.ndarray]) -> Iterator[str]:
    """Train a model, and give its run a metric of each kind."""
    autotrack.enable(only=["sklearn"], capture=[], log_system_metrics=False)
    with autotrack.start_run() as run:
        LogisticRegression().fit(*binary_data)
        run.log_metrics({"f1": 0.84, "loss": 0.5, "broken": math.nan})
    autotrack.flush(60)
    autotrack.disable()
    yield run.id
    recording.close_recorder()


@given(finite)
def test_any_number_is_read(number: float) -> None:
    assert parse_criterion(f"m >= {number!r}") == Criterion("m", ">=", number)


def test_names_with_spaces_and_slashes() -> None:
    assert parse_criterion(" valid 0/f1-score<.5 ") == Criterion("valid 0/f1-score", "<", 0.5)
    assert parse_criterion("m > baseline") == Criterion("m", ">", 0.0, relative=True)
    assert parse_criterion("m <= baseline-1e-3") == Criterion("m", "<=", -0.001, relative=True)


@pytest.mark.parametrize("text", ["", "f1", "f1 >=", ">= 3", "f1 = 3", "f1 >= high", "f1 >= baseline * 2"])
def test_what_is_no_criterion(text: str) -> None:
    with pytest.raises(CriterionError, match="is no criterion: write METRIC"):
        parse_criterion(text)


def test_each_criterion_is_answered(trained: str) -> None:
    found = autotrack.validate(trained, ["f1 >= 0.8", "loss < 0.5", "broken >= 0", "missing > 0"])
    assert [check.passed for check in found.checks] == [True, False, False, False]
    assert not found
    assert str(found).splitlines() == [
        "f1 >= 0.8: passed, it is 0.84",
        "loss < 0.5: failed, it is 0.5",
        "broken >= 0: failed, it is nan",
        "missing > 0: failed, the run has no such metric",
    ]
    assert autotrack.validate(autotrack.get_run(trained), "f1 > 0")


def test_registration_behind_criteria(trained: str) -> None:
    with pytest.raises(RejectedModelError, match=r"gets no new version:\nf1 >= 0\.9: failed, it is 0\.84"):
        registry.register(trained, "churn", criteria="f1 >= 0.9")
    assert registry.search_models() == []
    version = registry.register(trained, "churn", criteria=["f1 >= 0.8"])
    assert version.tags["validation"] == "f1 >= 0.8: passed, it is 0.84"
    registry.set_alias("churn", "champion", version.version)
    for model in (f"runs:/{trained}/model", "models:/churn@champion", "models:/churn/1"):
        assert autotrack.validate(model, "f1 >= 0.8").run_id == trained
    assert autotrack.validate(trained, "f1 >= baseline", baseline="models:/churn@champion")
    with pytest.raises(RejectedModelError, match="failed, it is"):
        registry.register(trained, "churn", criteria="f1 > baseline + 0.01", baseline="models:/churn@champion")


def test_a_baseline_without_the_metric_is_beaten_by_nobody(trained: str) -> None:
    with autotrack.start_run() as other:
        other.log_metric("f1", 0.9)
    found = autotrack.validate(other, ["f1 > baseline", "f1 > 0.5"], baseline=trained)
    assert found.passed
    assert "the run has no such metric" in str(autotrack.validate(other, "loss < 1"))
    assert "the baseline has no such metric" in str(autotrack.validate(trained, "loss < baseline", baseline=other))


def test_mistakes(trained: str) -> None:
    with pytest.raises(CriterionError, match="there is no criterion"):
        autotrack.validate(trained, [])
    with pytest.raises(CriterionError, match="give one, such as baseline="):
        autotrack.validate(trained, "f1 > baseline")
    with pytest.raises(RunNotFoundError):
        autotrack.validate("nothing", "f1 > 0")
    with pytest.raises(ModelNotFoundError):
        autotrack.validate("models:/nothing@champion", "f1 > 0")
