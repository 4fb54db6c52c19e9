"""Secrets planted wherever a program has them are found nowhere in what is kept."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

SECRETS = {
    "argument": "arg-hunter2-0001",
    "assignment": "set-hunter2-0002",
    "environment": "env-hunter2-0003",
    "config": "cfg-hunter2-0004",
    "remote": "rem-hunter2-0005",
    "printed": "out-hunter2-0006",
    "logged": "log-hunter2-0007",
    "source": "src-hunter2-0008",
    "raised": "err-hunter2-0009",
    "dotenv": "dot-hunter2-0010",
}
PROGRAM = f"""
import argparse, logging, os, sys
import autotrack
autotrack.enable()
DB_PASSWORD = "{SECRETS["source"]}"
auth_token = "{SECRETS["logged"]}"
parser = argparse.ArgumentParser()
parser.add_argument("--api-key")
parser.add_argument("rest", nargs="*")
parser.parse_args()
with autotrack.start_run():
    print("connecting with password=" + "{SECRETS["printed"][:5]}" + "{SECRETS["printed"][5:]}")
    print("environment", dict(SERVICE_TOKEN=os.environ["SERVICE_TOKEN"]), file=sys.stderr)
    logging.warning("Authorization: Bearer %s", auth_token)
    autotrack.log_metric("loss", 1.0)
    raise RuntimeError("postgresql://me:{SECRETS["raised"]}@db/x")
"""


def test_planted_secrets_are_found_nowhere(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "train.py").write_text("before = 1\n")
    git = ["git", "-c", "user.name=Me", "-c", "user.email=me@example.org"]
    remote = f"https://me:{SECRETS['remote']}@example.org/x.git"
    for command in (["init"], ["add", "."], ["commit", "-m", "first"], ["remote", "add", "origin", remote]):
        subprocess.run([*git, *command], cwd=root, check=True, capture_output=True)
    (root / "train.py").write_text(PROGRAM)
    (root / "config.yaml").write_text(f"database:\n  password: {SECRETS['config']}\n")
    (root / ".env").write_text(f"X={SECRETS['dotenv']}\n")
    arguments = ["--api-key", SECRETS["argument"], f"password={SECRETS['assignment']}"]
    done = subprocess.run(
        [sys.executable, "train.py", *arguments], cwd=root, capture_output=True, text=True, check=False,
        env={**os.environ, "SERVICE_TOKEN": SECRETS["environment"], "AUTOTRACK_EXIT_TIMEOUT": "60"},
    )  # fmt: skip
    assert SECRETS["printed"] in done.stdout
    assert SECRETS["raised"] in done.stderr

    exported = subprocess.run(
        [sys.executable, "-m", "autotrack", "export", "--history"], cwd=root, capture_output=True, check=True
    )
    kept = dict(_everything(root / ".autotrack")) | {"the export": exported.stdout}
    assert {Path(name).name for name in kept} >= {"console.txt", "changes.patch", "entry.json", "config.yaml", "dump"}
    found = {
        (kind, name) for kind, secret in SECRETS.items() for name, content in kept.items() if secret.encode() in content
    }
    assert found == set()


def _everything(store: Path) -> list[tuple[str, bytes]]:
    """Return every file of a store, with archives opened and the database also as text."""
    found = [(str(path), path.read_bytes()) for path in store.rglob("*") if path.is_file()]
    for path in store.rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            found += [(f"{path}/{name}", archive.read(name)) for name in archive.namelist()]
    database = sqlite3.connect(store / "store.db")
    found.append(("dump", "\n".join(database.iterdump()).encode()))
    database.close()
    return found
