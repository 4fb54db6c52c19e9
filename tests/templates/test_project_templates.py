"""`autotrack init`: each template is generated, checked, trained and tested as its user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from autotrack.cli.app import commands
from autotrack.projects import read_project
from autotrack.templates import PACKAGES, TemplateError, write_project


def inside(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    outside = {key: text for key, text in os.environ.items() if not key.startswith("PYTEST")}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=outside, capture_output=True, text=True, timeout=500, check=False)


@pytest.mark.parametrize("template", PACKAGES)
def test_what_is_written_is_an_ordinary_project(tmp_path: Path, template: str) -> None:
    files = write_project(template, tmp_path / "new", "tumours")
    assert {Path(".gitignore"), Path(".github/workflows/ci.yml"), Path("model.py")} < set(files)
    for file in files:
        text = (tmp_path / "new" / file).read_text()
        assert not {"PROJECT", "TEMPLATE", "PACKAGES"} & set(text.replace('"', " ").split())
    project = read_project(tmp_path / "new")
    assert (project.name, set(project.entry_points)) == ("tumours", {"main", "predict"})
    assert set(PACKAGES[template]) <= set(project.environment.requirements)
    checked = inside(tmp_path / "new", "ruff", "check", "--extend-select", "I", ".")
    assert checked.returncode == 0, checked.stdout
    formatted = inside(tmp_path / "new", "ruff", "format", "--check", ".")
    assert formatted.returncode == 0, formatted.stdout


@pytest.mark.slow
@pytest.mark.parametrize("template", PACKAGES)
def test_its_own_tests_pass(tmp_path: Path, template: str) -> None:
    write_project(template, tmp_path / "new", "tumours")
    done = inside(tmp_path / "new", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout


def test_training_ends_with_a_champion_or_with_1(tmp_path: Path) -> None:
    write_project("sklearn-tabular", tmp_path / "new", "tumours")
    runner = CliRunner()
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path / "new", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "registered as models:/tumours/1, which is the champion now" in done.stdout
    shown = runner.invoke(
        commands, ["--store", str(tmp_path / "new" / ".autotrack"), "models", "show", "tumours@champion", "--json"]
    )
    tags = json.loads(shown.stdout)["version"]["tags"]
    assert tags["validation"].splitlines()[0].startswith("test_accuracy_score >= 0.92: passed")
    evaluation = tmp_path / "new" / "evaluation.py"
    evaluation.write_text(evaluation.read_text().replace("0.92", "1.01"))
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path / "new", capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "test_accuracy_score >= 1.01: failed" in done.stdout


def test_mistakes(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.py").touch()
    with pytest.raises(TemplateError, match="is not empty; name a new folder"):
        write_project("torch", tmp_path / "full", "tumours")
    with pytest.raises(TemplateError, match="there is no template 'jax'; there are: sklearn-tabular"):
        write_project("jax", tmp_path / "new", "tumours")
    with pytest.raises(TemplateError, match="'Über' is no name for a project"):
        write_project("torch", tmp_path / "new", "Über")
    assert not (tmp_path / "new").exists()


def test_the_command(tmp_path: Path) -> None:
    done = CliRunner().invoke(commands, ["init", "My Tumours", "-t", "torch", "--json"])
    assert done.exit_code == 0, done.output
    assert "train.py" in json.loads(done.stdout)
    assert 'name = "my-tumours"' in (tmp_path / "My Tumours" / "pyproject.toml").read_text()
