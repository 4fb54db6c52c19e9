"""Restoring code refuses what leads out of the repository; arguments are changed as their parser writes them."""

from __future__ import annotations

import io
import subprocess
import zipfile
from pathlib import Path

import pytest

from autotrack.capture.changes import capture_changes
from autotrack.capture.entry import Entry
from autotrack.capture.program import Option
from autotrack.errors import ReproductionError
from autotrack.reproduction.checkout import restore
from autotrack.reproduction.command_line import new_arguments
from autotrack.reproduction.evidence import Evidence


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "code.py").write_text("a = 1\nTOKEN = 'hunter2hunter2'\nb = 2\nc = 3\n")
    identity = ["-c", "user.name=Me", "-c", "user.email=me@example.org"]
    for arguments in (["init"], ["add", "."], ["commit", "-m", "first"]):
        subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)
    return root


def evidence(root: Path, patch: bytes = b"", untracked: bytes = b"") -> Evidence:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, check=True, capture_output=True, text=True).stdout
    entry = Entry(kind="script", name="code.py", arguments=[], commit=commit.strip(), repository=str(root))
    return Evidence(entry, patch, untracked, {})


def test_masked_context_is_filled_in_from_the_commit(root: Path, tmp_path: Path) -> None:
    (root / "code.py").write_text("a = 5\nTOKEN = 'hunter2hunter2'\nb = 2\nd = 4\n")
    changes = capture_changes(root)
    assert b"hunter2" not in changes.patch
    restore(evidence(root, changes.patch, changes.untracked), tmp_path / "copy")
    assert (tmp_path / "copy" / "code.py").read_text() == (root / "code.py").read_text()


@pytest.mark.parametrize("path", ["../out.py", "/tmp/out.py", ".git/config", "a/../../out.py"])
def test_what_leads_out_is_refused(root: Path, tmp_path: Path, path: str) -> None:
    patch = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
    with pytest.raises(ReproductionError):
        restore(evidence(root, patch.encode()), tmp_path / "copy")
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(path, "x")
    with pytest.raises(ReproductionError, match="refused"):
        restore(evidence(root, untracked=whole.getvalue()), tmp_path / "other")
    assert not (tmp_path / "out.py").exists()


def test_an_archive_does_not_write_through_a_link(root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(tmp_path)
    subprocess.run(["git", "add", "link"], cwd=root, check=True)
    patch = capture_changes(root).patch
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("link/out.py", "x")
    with pytest.raises(ReproductionError, match="through a link"):
        restore(evidence(root, patch, whole.getvalue()), tmp_path / "copy")
    assert not (tmp_path / "out.py").exists()


OPTIONS = {
    "learning_rate": Option("--learning-rate"),
    "fast": Option("--fast", flag=True),
    "data": Option(""),
    "model.lr": Option("model.lr"),
    "n": Option("-n"),
}


@pytest.mark.parametrize(
    ("given", "changes", "expected"),
    [
        ("x --learning-rate 0.1 y", {"learning_rate": "2"}, "x --learning-rate 2 y"),
        ("--learning-rate=0.1", {"learning-rate": "2"}, "--learning-rate=2"),
        ("x", {"learning_rate": "2"}, "x --learning-rate=2"),
        ("--fast x", {"fast": "false"}, "x"),
        ("x", {"fast": "true"}, "x --fast"),
        ("model.lr=1 a=2", {"model.lr": "3"}, "model.lr=3 a=2"),
        ("a=2", {"model.lr": "3"}, "a=2 model.lr=3"),
        ("-n -1", {"n": "4"}, "-n 4"),
        ("train --api-key ***", {"api_key": "k"}, "train --api-key k"),
    ],
)
def test_arguments_are_changed_in_their_place(given: str, changes: dict[str, str], expected: str) -> None:
    entry = Entry(kind="script", name="x.py", arguments=given.split(), options=OPTIONS)
    assert new_arguments(entry, changes) == expected.split()


def test_what_cannot_be_changed_is_said() -> None:
    entry = Entry(kind="script", name="x.py", arguments=["x", "--api-key", "***"], options=OPTIONS)
    with pytest.raises(ReproductionError, match="known by its place"):
        new_arguments(entry, {"data": "y"})
    with pytest.raises(ReproductionError, match="no argument 'rate'; it has fast, learning_rate"):
        new_arguments(entry, {"rate": "y"})
    with pytest.raises(ReproductionError, match="`--api-key \\*\\*\\*` was a secret"):
        new_arguments(entry, {})
