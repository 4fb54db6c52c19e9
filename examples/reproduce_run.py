"""Train from a dirty git repository, edit the source, and do the recorded run again: the metrics are the same."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

TRAIN = """
import argparse

from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--trees", type=int, default=10)
trees = parser.parse_args().trees
X_train, X_test, y_train, y_test = train_test_split(*load_iris(return_X_y=True), random_state=SEED)
model = RandomForestClassifier(trees, random_state=SEED).fit(X_train, y_train)
model.score(X_test, y_test)
"""


def call(*command: str) -> None:
    """Run a command here, and show it."""
    print("$", " ".join(command), flush=True)
    subprocess.run([sys.executable, "-m", *command] if command[0] == "autotrack" else command, check=True)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    os.environ["AUTOTRACK_LOG_SYSTEM_METRICS"] = "0"
    train = Path("train.py")
    train.write_text(TRAIN.replace("SEED", "1"))
    call("git", "init", "--quiet")
    call("git", "add", "train.py")
    call("git", "-c", "user.name=Me", "-c", "user.email=me@example.org", "commit", "--quiet", "-m", "first")

    train.write_text(TRAIN.replace("SEED", "7"))  # not committed
    call("autotrack", "run", "train.py", "--trees", "20")
    train.write_text("raise SystemExit('a later idea')\n")

    call("autotrack", "rerun", "@last")
    call("autotrack", "rerun", "@last", "-P", "trees=2")
    call("autotrack", "ls")
