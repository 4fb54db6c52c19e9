"""A run from a dirty repository is done again after its source was edited once more; two runs are told apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import argparse, random
import numpy as np
from sklearn.linear_model import LogisticRegression
from helper import SHIFT
parser = argparse.ArgumentParser()
parser.add_argument("--C", type=float, default=1.0)
parser.add_argument("--api-key")
C = parser.parse_args().C
random.seed(3)
rows = np.random.default_rng(5).normal(size=(80, 3)) + SHIFT
labels = (rows @ [1.0, -2.0, 0.5] > SHIFT).astype(int)
FACTOR = 1
model = LogisticRegression(C=C * FACTOR).fit(rows[:60], labels[:60])
model.score(rows[60:], labels[60:])
"""
PLAIN = """
import sys
import autotrack
autotrack.enable()
rate = float(sys.argv[2]) if len(sys.argv) > 2 else 0.1
with autotrack.start_run() as run:
    run.log_metric("loss", 1 / 3 * rate)
"""


def git(directory: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Me", "-c", "user.email=me@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def autotrack(*arguments: str, directory: Path, status: int = 0) -> str:
    quiet = {"AUTOTRACK_QUIET": "1", "AUTOTRACK_LOG_SYSTEM_METRICS": "0", "AUTOTRACK_EXIT_TIMEOUT": "60"}
    done = subprocess.run(
        [sys.executable, "-m", "autotrack", *arguments],
        cwd=directory, env={**os.environ, **quiet}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr + done.stdout
    return done.stdout if status == 0 else done.stderr


def show(run: str, directory: Path) -> Any:
    return json.loads(autotrack("show", run, "--json", directory=directory))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    git(root, "init")
    (root / "src" / "train.py").write_text(PROGRAM)
    (root / "plain.py").write_text(PLAIN)
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    return root


def test_a_dirty_run_is_done_again_bit_by_bit(repository: Path) -> None:
    train = repository / "src" / "train.py"
    train.write_text(PROGRAM.replace("FACTOR = 1", "PASSWORD = 'hunter2'\nFACTOR = 0.37"))
    (repository / "src" / "helper.py").write_text("SHIFT = 0.25\n")
    autotrack("run", "src/train.py", "--C", "0.5", directory=repository)
    train.write_text("raise SystemExit('edited again')\n")
    (repository / "src" / "helper.py").write_text("SHIFT = 9\n")
    git(repository, "commit", "-am", "later")
    before = {path: path.read_bytes() for path in (train, repository / ".git" / "HEAD", repository / ".git" / "index")}

    again = json.loads(autotrack("rerun", "@last", "--json", directory=repository))
    first, second = again["original"]["id"], again["rerun"]["id"]
    assert again["rerun"]["status"] == "finished"
    assert [row for row in again["metrics"] if row["before"] != row["after"]] == []
    assert {row["name"] for row in again["metrics"]} > {"training_accuracy_score", "test_accuracy_score"}
    assert again["data"] == []
    assert show(second, repository)["tags"]["autotrack.rerun_of"] == first
    assert {path: path.read_bytes() for path in before} == before
    assert git(repository, "worktree", "list").count("\n") == 0

    other = autotrack("rerun", first, "-P", "C=0.001", directory=repository)
    assert "differs" in other
    third = show("@last", repository)
    assert third["params"]["C"] == pytest.approx(0.00037)
    found = json.loads(autotrack("diff", first, third["id"], "--json", "--code", directory=repository))
    assert {row["name"] for row in found["params"]} == {"C"}
    assert [row["name"] for row in found["code"]] == ["arguments"]
    assert found["packages"] == found["hardware"] == found["data"] == []
    assert found["metrics"]
    assert found["evaluation"]


def test_the_tree_as_it_is_now_and_what_is_missing(repository: Path) -> None:
    autotrack("run", "plain.py", "--rate", "0.5", directory=repository)
    (repository / "plain.py").write_text(PLAIN.replace("1 / 3", "1 / 7"))
    again = json.loads(autotrack("rerun", "@last", "--here", "--json", directory=repository))
    assert [row["after"] for row in again["metrics"]] == [1 / 7 * 0.5]
    original = again["original"]["id"]
    changed = json.loads(autotrack("rerun", original, "-P", "rate=2", "--json", directory=repository))
    assert [row["after"] for row in changed["metrics"]] == [1 / 3 * 2]
    difference = autotrack("diff", original, changed["rerun"]["id"], directory=repository)
    assert "--rate 0.5" in difference
    assert "--rate 2" in difference

    (repository / ".git").rename(repository / "gone")
    assert "no repository has commit" in autotrack("rerun", original, directory=repository, status=1)


def test_without_a_repository_the_kept_script_is_run(tmp_path: Path) -> None:
    (tmp_path / "alone.py").write_text(PLAIN)
    autotrack("run", "alone.py", directory=tmp_path)
    (tmp_path / "alone.py").write_text("raise SystemExit(3)\n")
    again = json.loads(autotrack("rerun", "@last", "--json", directory=tmp_path))
    assert [(row["before"], row["after"]) for row in again["metrics"]] == [(1 / 3 * 0.1, 1 / 3 * 0.1)]


@pytest.mark.slow
def test_the_example_reproduces_its_run(tmp_path: Path) -> None:
    example = Path(__file__).resolve().parents[2] / "examples" / "reproduce_run.py"
    done = subprocess.run(
        [sys.executable, str(example)], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.split("$ autotrack rerun @last")[1:]
    assert "identical" in first
    assert "differs" not in first
    assert "differs" in second
