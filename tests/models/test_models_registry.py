"""The registry as Python has it: what can be registered, references, and the way from training to loading by alias."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from example_programs import run_example
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

import autotrack
import autotrack.models
from autotrack import recording
from autotrack.errors import ModelError, ModelNotFoundError, RegistryError, RunNotFoundError, StoreUnavailableError
from autotrack.models import registry
from autotrack.models.registry.reference import Reference, parse_reference

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def trained(binary_data: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Iterator[LogisticRegression]:
    """Train one model in the store of the working directory."""
    (tmp_path / "pyproject.toml").write_text("[tool.autotrack]\nlog_system_metrics = false\n")
    autotrack.enable(only=["sklearn"])
    yield LogisticRegression().fit(*binary_data)
    autotrack.disable()
    recording.close_recorder()


def test_from_training_to_a_model_loaded_by_alias(
    trained: LogisticRegression, binary_data: tuple[np.ndarray, np.ndarray]
) -> None:
    features, _ = binary_data
    first = registry.register("@last", "churn")
    LogisticRegression(C=100.0).fit(*binary_data)
    second = registry.register(autotrack.get_run("@last"), "churn", tags={"approved": "yes"})
    assert (first.version, second.version) == (1, 2)
    assert second.lineage.data[0].digest == first.lineage.data[0].digest
    registry.transition("churn", 1, "production")
    moved = registry.transition("churn", 2, "production", archive_existing=True)
    registry.set_alias("churn", "champion", moved.version)
    assert registry.find_version("churn", stage="Archived").version == 1
    for uri in ("models:/churn@champion", "models:/churn/2", "models:/churn/Production", "models:/churn/latest"):
        loaded = autotrack.models.load(uri, trust=True)
        assert loaded.C == 100.0
    registry.set_alias("churn", "champion", 1)
    loaded = autotrack.models.load("models:/churn@champion", trust=True)
    assert np.array_equal(loaded.predict_proba(features), trained.predict_proba(features))
    predictor = autotrack.models.load_predictor("models:/churn@champion", trust=True)
    assert np.array_equal(predictor.predict(features), trained.predict(features))


@pytest.mark.usefixtures("trained")
def test_what_can_be_registered(tmp_path: Path) -> None:
    run = autotrack.get_run("@last")
    made = registry.register(f"runs:/{run.id}/model", "a")
    folder = shutil.copytree(run.download("model"), tmp_path / "elsewhere")
    by_path = registry.register(folder, "b")
    assert by_path.source == str(folder)
    assert (by_path.run_id, by_path.logged_model) == (run.id, made.logged_model)
    assert by_path.flavors == made.flavors
    assert by_path.signature == made.signature
    assert by_path.lineage == made.lineage
    assert registry.register(str(folder), "b").version == 2
    registry.set_alias("a", "best", 1)
    copy = registry.register("models:/a@best", "c", tags={"x": "y"})
    assert (copy.name, copy.version, copy.source, copy.lineage) == ("c", 1, made.source, made.lineage)
    assert (copy.aliases, copy.tags) == ((), {"x": "y"})
    assert {model.name for model in registry.search_models()} == {"a", "b", "c"}
    assert isinstance(autotrack.models.load("models:/b/1", trust=True), LogisticRegression)


@pytest.mark.usefixtures("trained")
def test_what_cannot_be_registered(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError):
        registry.register("nobody", "x")
    with pytest.raises(ModelNotFoundError, match="has no model 'other'"):
        registry.register("runs:/@last/other", "x")
    with pytest.raises(ModelError, match="it has no file 'MLmodel'"):
        registry.register(tmp_path, "x")
    with pytest.raises(ModelNotFoundError, match="no registered model 'x'"):
        registry.register("models:/x/1", "y")
    with pytest.raises(RegistryError):
        registry.register("@last", "a/b")
    assert registry.search_models() == []


@pytest.mark.usefixtures("trained")
def test_a_model_that_was_logged_by_hand_can_be_registered() -> None:
    with autotrack.start_run("mine") as run:
        autotrack.models.log(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), name="small")
    made = registry.register(f"runs:/{run.id}/small", "mine")
    assert made.lineage.run_name == "mine"


@pytest.mark.usefixtures("trained")
def test_models_are_kept_by_hand_and_deleted() -> None:
    made = registry.create("churn", description="x", tags={"team": "risk"})
    assert (made.description, made.tags, made.versions) == ("x", {"team": "risk"}, 0)
    registry.register("@last", "churn")
    registry.annotate("churn", "*all*")
    registry.set_tag("churn", "team", None)
    registry.rename("churn", "attrition")
    assert registry.get("attrition").description == "*all*"
    assert {change.user for change in registry.changes("attrition")} == {registry.versions("attrition")[0].user}
    registry.set_alias("attrition", "a", 1)
    registry.delete_alias("attrition", "a")
    registry.delete("attrition", version=1)
    registry.delete("attrition")
    with pytest.raises(ModelNotFoundError):
        registry.get("attrition")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("churn", Reference("churn")),
        ("models:/churn/12", Reference("churn", version=12)),
        ("churn/Latest", Reference("churn", alias="latest")),
        ("churn/staging", Reference("churn", stage="staging")),
        ("churn@champion", Reference("churn", alias="champion")),
        ("a@b.example@old", Reference("a@b.example", alias="old")),
        ("two words/1", Reference("two words", version=1)),
        ("two%20words/1", Reference("two words", version=1)),
    ],
)
def test_references_are_read(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected


@given(st.text(max_size=30))
def test_no_text_is_half_a_reference(text: str) -> None:
    try:
        found = parse_reference(text)
    except RegistryError:
        return
    assert found.name
    assert sum(value is not None for value in found.selector().values()) <= 1


def test_the_example_runs(tmp_path: Path) -> None:
    said = run_example("models_registry.py", tmp_path, AUTOTRACK_SAFE_MODELS="1")
    assert "stage : None -> Production" in said
    assert "loaded again" in said


@pytest.mark.usefixtures("trained")
def test_a_store_that_others_keep_locked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.register("@last", "churn")
    monkeypatch.setattr("autotrack.store.engine.BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(tmp_path / ".autotrack" / "store.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match=r"store\.db cannot be used now: database is locked"):
            registry.set_alias("churn", "champion", 1)
        assert registry.find_version("churn").version == 1
