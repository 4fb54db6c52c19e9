"""Files of jobs: what Slurm and Kubernetes are given, and that it runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from autotrack.cli.app import commands
from autotrack.history import History
from autotrack.place import find_place
from autotrack.settings import resolve

MLPROJECT = """
name: My Wine
docker_env: {image: team/train}
entry_points:
  main:
    parameters: {note: string}
    command: "python train.py {note}"
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "wine"
    folder.mkdir()
    (folder / "MLproject").write_text(MLPROJECT)
    (folder / "train.py").write_text("import sys, autotrack\nautotrack.log_param('seen', sys.argv[1])\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "wine"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["run", *arguments])


def test_the_script_for_slurm_does_what_was_asked_for(repository: Path) -> None:
    done = run(str(repository), "-P", "note=a 'b' $HOME", "--env", "local", "--backend", "slurm", "--to", "runs")
    assert done.exit_code == 0, done.output
    assert done.stderr == "wrote My Wine-main.sbatch; submit it with: sbatch 'My Wine-main.sbatch'\n"
    script = Path("My Wine-main.sbatch")
    assert "#SBATCH --job-name=my-wine-main\n" in script.read_text()
    assert not Path("runs").exists()
    environment = {**os.environ, "AUTOTRACK_EXIT_TIMEOUT": "60"}
    subprocess.run(["bash", str(script)], check=True, env=environment, capture_output=True)
    (found,) = History(find_place(resolve(to=["runs"]).settings)).search()
    assert found.params == {"note": "a 'b' $HOME", "seen": "a 'b' $HOME"}
    assert found.status == "finished"


def test_the_job_for_kubernetes(repository: Path) -> None:
    options = ("--grid", "note=a,b", "--jobs", "2", "--backend", "kubernetes")
    done = run(repository.as_uri(), *options)
    assert done.exit_code == 0, done.output
    job = yaml.safe_load(Path("My Wine-main.job.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert job["metadata"] == {"generateName": "my-wine-main-"}
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "team/train"
    command = f"autotrack run {repository.as_uri()} --env local --grid note=a,b --jobs 2"
    assert container["command"] == command.split()
    assert container["env"][0]["valueFrom"]["secretKeyRef"] == {"name": "autotrack", "key": "to"}


def test_mistakes(repository: Path) -> None:
    done = run(str(repository), "-P", "note=a", "--backend", "kubernetes")
    assert done.exit_code == 1
    assert "name the project by the URL of its repository" in done.stderr
    assert "needs a value for note" in run(str(repository), "--backend", "slurm").stderr
    assert run(str(repository), "-P", "note=a", "--backend", "slurm").exit_code == 0
    assert "is there already" in run(str(repository), "-P", "note=a", "--backend", "slurm").stderr
    assert not Path(".autotrack").exists()
