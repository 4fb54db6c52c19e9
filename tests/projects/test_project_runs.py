"""`autotrack run` of whole projects, as a user starts them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autotrack

EXAMPLE = Path(__file__).parents[2] / "examples" / "wine_quality"
GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
TRAIN = """
import sys
from sklearn.linear_model import Ridge
model = Ridge(alpha=float(sys.argv[1])).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 3.0])
sys.exit(3 if model.alpha > 5 else 0)
"""
PYPROJECT = """
[tool.autotrack.entry-points.main]
command = "python -u train.py {alpha}"
parameters = { alpha = 0.5 }
"""


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AUTOTRACK_EXIT_TIMEOUT": "60", "AUTOTRACK_LOG_SYSTEM_METRICS": "0"}
    command = [sys.executable, "-m", "autotrack", "run", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "ridge"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    return folder


def test_a_git_repository_by_url(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(EXAMPLE, repository / "wine")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "wine"], ["tag", "v1"]):
        subprocess.run([*GIT, *words], cwd=repository, check=True, capture_output=True)
    (repository / "wine" / "train.py").write_text("raise SystemExit('not the tagged version')")
    subprocess.run([*GIT, "commit", "-qam", "broken"], cwd=repository, check=True)
    url = f"{repository.as_uri()}@v1#wine"
    done = start(url, "-P", "alpha=0.2", "--env", "local", "--name", "elastic")
    assert done.returncode == 0, done.stderr
    (run,) = autotrack.search_runs()
    commit = subprocess.run(["git", "rev-parse", "v1"], cwd=repository, capture_output=True, text=True, check=True)
    assert (run.name, run.status, run.source) == ("elastic", "finished", "project")
    assert (run.params["alpha"], run.params["l1_ratio"]) == (0.2, 0.1)
    assert run.metrics["test_root_mean_squared_error"] == pytest.approx(float(done.stdout.split()[-1]))
    assert run.tags["autotrack.project"] == url
    assert run.tags["mlflow.source.git.commit"] == commit.stdout.strip()
    assert run.tags["mlflow.project.entryPoint"] == "main"
    assert run.tags["estimator_name"] == "ElasticNet"


def test_a_grid_is_one_parent_with_children(project: Path) -> None:
    done = start(str(project), "--grid", "alpha=0.1,9", "--jobs", "2", "--env", "local")
    assert done.returncode == 3, done.stderr
    assert done.stderr.splitlines()[-1] == "autotrack: 2 runs of 'ridge', 1 failed"
    runs = autotrack.search_runs()
    (parent,) = (run for run in runs if run.parent_id is None)
    children = {run.params["alpha"]: run for run in runs if run.parent_id == parent.id}
    assert (len(runs), parent.name, parent.status) == (3, "ridge main", "failed")
    assert {run.name: run.status for run in children.values()} == {"alpha=0.1": "finished", "alpha=9": "failed"}
    assert all(run.tags["estimator_name"] == "Ridge" for run in children.values())


def test_a_second_training_is_a_child(project: Path) -> None:
    (project / "train.py").write_text(TRAIN.replace("model =", "Ridge().fit([[0.0], [1.0]], [0, 1])\nmodel ="))
    assert start("-P", "alpha=2", "-e", "main", str(project), "--env", "local").returncode == 0
    first, second = sorted(autotrack.search_runs(), key=lambda run: run.id)
    assert (first.parent_id, second.parent_id) == (None, first.id)
    assert second.params["alpha"] == 2.0


def test_a_script_with_parameters_and_an_entry_by_its_name(project: Path) -> None:
    (project / "pyproject.toml").unlink()
    done = start(str(project), "-e", "train.py", "-P", "alpha=1")  # appended as --alpha 1
    assert done.returncode == 1
    assert "could not convert string to float: '--alpha'" in done.stderr
    (run,) = autotrack.search_runs()
    assert run.status == "failed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ridge", "-e", "other"], "no entry point 'other' (there are: main)"),
        (["ridge", "alpha=1"], "'alpha=1' is no option; a project takes its parameters as -P NAME=VALUE"),
        (["file:///nowhere/at/all"], "git could not fetch the project"),
    ],
)
def test_mistakes_start_nothing(project: Path, arguments: list[str], message: str) -> None:
    done = start(*arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert not Path(".autotrack").exists()


MLFLOW = """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_param("l1_ratio", 0.1)
    mlflow.log_metric("rmse", 0.25)
    mlflow.log_text("hello", "notes.txt")
"""


@pytest.mark.slow
def test_a_program_that_calls_mlflow_logs_into_the_same_run(project: Path) -> None:
    (project / "train.py").write_text(MLFLOW)
    done = start(str(project), "--env", "local")
    assert done.returncode == 0, done.stderr
    (run,) = autotrack.search_runs()
    assert (run.params["alpha"], run.params["l1_ratio"], run.metrics["rmse"]) == (0.5, "0.1", 0.25)
    assert "notes.txt" in run.artifacts()


@pytest.mark.slow
def test_an_environment_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    header = '# /// script\n# dependencies = ["iniconfig==2.0.0"]\n# ///\n'
    code = "import importlib.metadata, sys\nprint(sys.prefix, importlib.metadata.version('iniconfig'))\n"
    Path("own.py").write_text(header + code + "import autotrack\nautotrack.log_metric('loss', 1.0)\n")
    done = start("--env", "venv", "own.py")
    assert done.returncode == 0, done.stderr
    prefix, version = done.stdout.split()
    assert (Path(prefix).parent.name, version) == ("environments", "2.0.0")
    (run,) = autotrack.search_runs()
    assert (run.metrics["loss"], run.tags["mlflow.project.env"]) == (1.0, "venv")
    again = start("--env", "venv", "own.py")
    assert "making an environment" in done.stderr
    assert "making an environment" not in again.stderr
