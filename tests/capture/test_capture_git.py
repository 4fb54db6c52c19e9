"""Git state from real repositories, clean and hostile."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from autotrack.capture.changes import MAX_FILE, capture_changes
from autotrack.capture.git import capture_git, examine_git


def git(directory: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Me", "-c", "user.email=me@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    git(root, "init")
    (root / "src" / "train.py").write_text("lr = 0.1\n")
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    return root


def touch_later(path: Path) -> None:
    """Make git read the file's content again, through its filters."""
    os.utime(path, (time.time() + 10, time.time() + 10))


def test_a_clean_repository(repository: Path) -> None:
    state = capture_git(repository / "src")
    assert state is not None
    assert state.commit == git(repository, "rev-parse", "HEAD")
    assert (state.branch, state.remote, state.dirty, state.directory) == ("main", None, False, "src")


def test_a_changed_tracked_file_is_dirty_and_an_untracked_one_is_not(repository: Path) -> None:
    (repository / "data.csv").write_text("1")
    state = capture_git(repository)
    assert state is not None
    assert not state.dirty
    (repository / "src" / "train.py").write_text("lr = 0.2\n")
    state = capture_git(repository)
    assert state is not None
    assert state.dirty
    assert state.directory == "."


def test_a_renamed_file_cannot_pose_as_a_header(repository: Path) -> None:
    (repository / "# branch.oid 0000").write_text("same content, long enough to be a rename\n")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "odd name")
    git(repository, "mv", "# branch.oid 0000", "plain")
    state = capture_git(repository)
    assert state is not None
    assert state.commit == git(repository, "rev-parse", "HEAD")
    assert state.dirty


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "--detach")
    state = capture_git(repository)
    assert state is not None
    assert state.branch is None


def test_the_remote_of_the_branch_is_preferred_and_its_user_info_masked(repository: Path) -> None:
    git(repository, "remote", "add", "other", "https://me:hunter2@example.org/fork.git")
    state = capture_git(repository)
    assert state is not None
    assert state.remote == "https://***@example.org/fork.git"
    git(repository, "remote", "add", "origin", "git@example.org:team/main.git")
    state = capture_git(repository)
    assert state is not None
    assert state.remote == "git@example.org:team/main.git"
    git(repository, "config", "branch.main.remote", "other")
    state = capture_git(repository)
    assert state is not None
    assert state.remote == "https://***@example.org/fork.git"


def test_reasons_are_given(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert examine_git(tmp_path).reason == "not in a git repository"
    assert examine_git(tmp_path / "missing").reason == "not in a git repository"
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init")
    assert examine_git(tmp_path / "empty").reason == "the git repository has no commits"
    assert examine_git(repository, timeout=0.0).reason == "git took too long"
    (repository / ".git" / "HEAD").write_text("junk")
    assert "git failed with status 128" in str(examine_git(repository).reason)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert examine_git(repository).reason == "git is not installed"


def test_variables_that_point_git_elsewhere_are_ignored(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = capture_git(repository)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG", "GIT_TRACE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert capture_git(repository) == expected
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="hooks are shell scripts")
@pytest.mark.parametrize("key", ["clean", "process"])
def test_nothing_that_a_hostile_repository_names_is_run(repository: Path, tmp_path: Path, key: str) -> None:
    evidence = tmp_path / "evidence"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\necho ran >> '{evidence}'\ncat\n")
    script.chmod(0o755)
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (repository / ".git" / "hooks" / hook).write_text(script.read_text())
        (repository / ".git" / "hooks" / hook).chmod(0o755)
    (repository / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    git(repository, "add", ".gitattributes")
    git(repository, "commit", "-m", "attributes")
    settings = {
        f"filter.evil.{key}": str(script),
        "filter.evil.required": "true",
        "diff.evil.command": str(script),
        "diff.evil.textconv": str(script),
        "diff.external": str(script),
        "core.fsmonitor": str(script),
        "core.pager": str(script),
        "core.sshCommand": str(script),
        "credential.helper": str(script),
    }
    for name, value in settings.items():
        with (repository / ".git" / "config").open("a") as config:
            section, _, last = name.rpartition(".")
            head, _, sub = section.partition(".")
            config.write(f'[{head} "{sub}"]\n' if sub else f"[{head}]\n")
            config.write(f"\t{last} = {value}\n")
    (repository / "src" / "train.py").write_text("lr = 0.2\n")
    touch_later(repository / "src" / "train.py")
    evidence.unlink(missing_ok=True)
    index = (repository / ".git" / "index").read_bytes()

    state = capture_git(repository)
    changes = capture_changes(repository)

    assert state is not None
    assert state.dirty
    assert b"+lr = 0.2" in changes.patch
    assert not evidence.exists()
    assert (repository / ".git" / "index").read_bytes() == index


def test_a_filter_that_cannot_be_switched_off_is_refused(repository: Path) -> None:
    with (repository / ".git" / "config").open("a") as config:
        config.write('[filter "a=b"]\n\tclean = cat\n')
    assert "cannot be switched off" in str(examine_git(repository).reason)


def test_secrets_in_a_patch_are_masked_and_it_stays_a_patch(repository: Path) -> None:
    secrets = "API_KEY = 'hunter2hunter2'\n-----BEGIN RSA PRIVATE KEY-----\nMIIhunter\n-----END RSA PRIVATE KEY-----\n"
    (repository / "src" / "train.py").write_text("lr = 0.1\n" + secrets + "password = input()\n")
    changes = capture_changes(repository)
    assert changes.redacted == 2
    assert b"hunter" not in changes.patch
    assert b"+password = input()" in changes.patch
    (repository / "src" / "train.py").write_text("lr = 0.1\n")
    subprocess.run(["git", "apply", "-"], input=changes.patch, cwd=repository, check=True)
    assert (repository / "src" / "train.py").read_text().splitlines()[1:3] == ["API_KEY = '***'", "***"]


def test_binary_files_and_odd_encodings_come_back_byte_for_byte(repository: Path) -> None:
    written = {
        "weights.bin": bytes(range(256)) * 4,
        "latin.txt": "caf\xe9 \r\n".encode("latin-1"),
        "a b.txt": b"no end",
    }
    for name in written:
        (repository / name).write_bytes(b"before")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "files")
    for name, content in written.items():
        (repository / name).write_bytes(content)
    changes = capture_changes(repository)
    git(repository, "checkout", ".")
    subprocess.run(["git", "apply", "-"], input=changes.patch, cwd=repository, check=True)
    assert {name: (repository / name).read_bytes() for name in written} == written


def test_untracked_files_are_kept_and_what_is_not_is_named(repository: Path) -> None:
    (repository / ".gitignore").write_text("ignored.txt\n")
    (repository / "ignored.txt").write_text("x")
    (repository / "new.py").write_text("x = 1\n")
    (repository / "config.yaml").write_text("password: hunter2\n")
    (repository / ".env").write_text("PASSWORD=hunter2\n")
    (repository / "large.bin").write_bytes(b"x" * (MAX_FILE + 1))
    (repository / "link").symlink_to("new.py")
    changes = capture_changes(repository)
    assert changes.names == [".gitignore", "config.yaml", "new.py"]
    assert [name.partition(" ")[0] for name in changes.left_out] == [".env", "large.bin", "link"]
    with zipfile.ZipFile(io.BytesIO(changes.untracked)) as archive:
        assert archive.read("new.py") == b"x = 1\n"
        assert archive.read("config.yaml") == b"password: ***\n"


def test_a_large_change_is_left_out_by_name(repository: Path) -> None:
    (repository / "src" / "train.py").write_bytes(b"x" * (MAX_FILE + 1))
    changes = capture_changes(repository)
    assert (changes.patch, changes.left_out) == (b"", ["src/train.py (too large)"])


def test_a_linked_worktree_is_a_repository_of_its_own(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", str(tmp_path / "tree"), "-b", "topic")
    state = capture_git(tmp_path / "tree")
    assert state is not None
    assert state.branch == "topic"
