"""`autotrack models`: what people and programs see of the registry, and what is said when something is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from sklearn.linear_model import LogisticRegression

import autotrack
from autotrack import recording
from autotrack.cli.app import commands


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, binary_data: tuple[np.ndarray, np.ndarray]) -> Iterator[list[str]]:
    """Train two models in a store of this test."""
    (tmp_path / "pyproject.toml").write_text("[tool.autotrack]\nlog_system_metrics = false\n")
    autotrack.enable(only=["sklearn"])
    for strength in (0.1, 10.0):
        LogisticRegression(C=strength).fit(*binary_data)
    autotrack.flush(60)
    autotrack.disable()
    yield [run.id for run in autotrack.search_runs(order_by="start_time")]
    recording.close_recorder()


def call(*arguments: str, code: int = 0, answer: str | None = None) -> Result:
    result = CliRunner().invoke(commands, ["models", *arguments], prog_name="autotrack", input=answer)
    assert result.exit_code == code, result.output
    return result


def test_from_training_to_production(runs: list[str]) -> None:
    assert "no models are registered yet" in call("ls").stderr
    assert "registered churn/1 from runs:/" in call("register", runs[0], "churn", "-d", "*first*", "-t", "ok=no").stderr
    call("register", f"runs:/{runs[1]}/model", "churn")
    call("promote", "churn/1")
    assert "churn/2: None → Production" in call("promote", "churn").stderr
    assert "churn@champion is version 2" in call("alias", "churn/production", "champion").stderr
    assert re.search(r"churn +2 +2 +champion 2 +Archived 1, Production 2", call("ls").stdout)
    assert "churn/2" in call("ls", "--versions", "-f", "alias = 'champion' and params.C = 10").stdout
    shown = call("show", "churn@champion").stdout
    assert "churn/2  Production  @champion" in shown
    assert runs[1] in shown
    assert re.search(r"data +X \(train\)|data \w+ \(train\)", shown)
    assert "inputs" in shown
    assert re.search(r"version 2 +stage +None → Production", shown)
    whole = call("show", "churn").stdout
    assert "churn/1  Archived" in whole
    assert "2 versions" in whole
    compared = call("compare", "churn/1", "churn/2", "-d").stdout
    assert re.search(r"C +0.1 +10", compared)
    assert "max_iter" not in compared


def test_programs_read_json(runs: list[str]) -> None:
    made = json.loads(call("register", "@last", "churn", "--json").stdout)
    assert (made["name"], made["version"], made["run_id"]) == ("churn", 1, runs[1])
    assert json.loads(call("ls", "--json").stdout)[0]["last_version"] == 1
    assert json.loads(call("show", "churn", "--json").stdout)["changes"][0]["kind"] == "version"
    assert json.loads(call("show", "churn/1", "--json").stdout)["version"]["lineage"]["data"]
    assert json.loads(call("tag", "churn/1", "a=b", "c=", "--json").stdout)["tags"] == {"a": "b"}
    assert json.loads(call("annotate", "churn", "-", "--json", answer="# All\nabout it").stdout)[
        "description"
    ].startswith("#")
    assert json.loads(call("alias", "churn/1", "x", "--json").stdout)["aliases"] == ["x"]
    assert json.loads(call("alias", "churn", "x", "--delete", "--json").stdout)["aliases"] == {}
    assert json.loads(call("rename", "churn", "attrition", "--json").stdout)["name"] == "attrition"
    assert json.loads(call("compare", "attrition/1", "attrition", "--json").stdout)["without_run"] == []
    assert json.loads(call("promote", "attrition/1", "--stage", "staging", "--json").stdout)["stage"] == "Staging"


def test_deleting_asks(runs: list[str]) -> None:
    call("register", runs[0], "churn")
    call("register", runs[0], "churn")
    assert "Delete churn with 2 versions? This cannot be undone" in call("rm", "churn", code=130, answer="n\n").stderr
    call("rm", "churn/1", "-y")
    assert "deleted churn" in call("rm", "churn", answer="y\n").stderr
    call("show", "churn", code=3)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("show", "nobody"), 3, "no registered model 'nobody'"),
        (("show", "a/b/c"), 2, "names no registered model"),
        (("register", "@last", "a/b"), 2, "cannot be the name of a model"),
        (("register", "nobody", "x"), 3, "no run 'nobody'"),
        (("register", "./nowhere", "x"), 1, "there is no model in"),
        (("promote", "x", "--stage", "live"), 2, "'live' is not one of"),
        (("ls", "-f", "metrics.x > 1"), 2, "no metrics here"),
        (("tag", "x", "novalue"), 3, "no registered model 'x'"),
    ],
)
def test_mistakes_are_explained(arguments: tuple[str, ...], code: int, message: str) -> None:
    assert message in call(*arguments, code=code).stderr
