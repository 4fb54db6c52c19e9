"""Environment, packages and tags, in this process and in fresh ones."""

from __future__ import annotations

import getpass
import importlib.metadata
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from autotrack.capture import hardware, packages
from autotrack.capture.environment import capture_environment, requirements
from autotrack.capture.git import GitState
from autotrack.capture.packages import imported_packages
from autotrack.capture.source import source
from autotrack.capture.tags import context_tags


def run(code: str, *arguments: str, cwd: Path | None = None, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=cwd,
        env={**os.environ, **variables},
    )
    return done.stdout


def test_the_environment_is_described() -> None:
    environment = capture_environment()
    assert environment.python == ".".join(map(str, sys.version_info[:3]))
    assert environment.implementation == "CPython"
    assert environment.user == getpass.getuser()
    assert environment.working_directory == os.getcwd()
    assert 1 <= environment.cpu_count <= (os.cpu_count() or 1)
    assert environment.memory_bytes > 2**26
    assert environment.cpu_model
    assert environment.hostname
    assert environment.packages["pytest"] == pytest.__version__


def test_secrets_on_the_command_line_are_masked_and_counted() -> None:
    code = (
        "import msgspec; from autotrack.capture.environment import capture_environment;"
        "print(msgspec.json.encode(capture_environment()).decode())"
    )
    output = run(code, "--api-key", "hunter2", "--url=https://u:hunter3@h/", CUDA_VISIBLE_DEVICES="0")
    environment = json.loads(output)
    assert "hunter" not in output
    assert environment["argv"] == ["-c", "--api-key", "***", "--url=https://***@h/"]
    assert environment["redacted"] == 2
    assert environment["cuda"] == {"CUDA_VISIBLE_DEVICES": "0"}


def test_versions_are_those_of_the_distributions_that_were_imported() -> None:
    code = (
        "import json, sklearn, yaml, dateutil, PIL, google.protobuf, scipy.sparse;"
        "from autotrack.capture.packages import imported_packages; print(json.dumps(imported_packages()))"
    )
    found = json.loads(run(code))
    expected = {"scikit-learn", "pyyaml", "python-dateutil", "pillow", "protobuf", "scipy", "numpy", "autotrack"}
    assert found.keys() >= expected
    assert not found.keys() & {"matplotlib", "google-auth", "jedi"}
    assert list(found) == sorted(found)
    assert all(importlib.metadata.version(name) == version for name, version in found.items())


def test_requirements_are_pinned_and_sorted() -> None:
    lines = requirements()
    assert lines == sorted(lines, key=lambda line: line.partition("==")[0])
    assert f"pytest=={pytest.__version__}" in lines


def test_modules_imported_later_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "late_module_x.py").write_text("")
    (tmp_path / "Late.Distribution_X-1.2+cu3.dist-info").mkdir()
    (tmp_path / "Late.Distribution_X-1.2+cu3.dist-info" / "RECORD").write_text("late_module_x.py,sha256=x,0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "late-distribution-x" not in imported_packages()
    __import__("late_module_x")
    try:
        assert imported_packages()["late-distribution-x"] == "1.2+cu3"
    finally:
        del sys.modules["late_module_x"]
    assert "late-distribution-x" not in imported_packages()


def test_a_folder_of_the_users_own_is_not_taken_for_the_package_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "__init__.py").write_text("")
    code = "import docker; from autotrack.capture.packages import imported_packages; print(sorted(imported_packages()))"
    assert "'docker'" not in run(code, cwd=tmp_path)


def test_odd_modules_are_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    lazy = types.ModuleType("odd_module_x")
    vars(lazy)["__file__"] = 3
    monkeypatch.setitem(sys.modules, "odd_module_x", lazy)
    monkeypatch.setitem(sys.modules, "odd_module_y", None)
    assert "msgspec" in imported_packages()


def test_asking_again_reads_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    first = imported_packages()
    monkeypatch.setattr(packages, "_resolve", None)
    assert imported_packages() == first


def test_limits_of_control_groups_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "memory.max").write_text("1000000\n")
    monkeypatch.setattr(hardware, "_CGROUPS", tmp_path)
    assert hardware.cpu_count() == 1
    assert hardware.memory_bytes() == 1_000_000
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert hardware.cpu_count() >= 1
    assert hardware.memory_bytes() > 1_000_000


def test_the_entry_script_is_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "train.py"
    script.write_text("from autotrack.capture.source import source\nprint(*source())\n")
    for name in ("SLURM_JOB_ID", "PBS_JOBID"):
        monkeypatch.delenv(name, raising=False)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(script), "LOCAL"]
    code = "from autotrack.capture.source import source; print(*source())"
    assert run(code).split() == ["<command>", "LOCAL"]
    assert run(code, SLURM_JOB_ID="17").split() == ["<command>", "JOB"]
    done = subprocess.run([sys.executable], input=code, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["<stdin>", "LOCAL"]


def test_a_notebook_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = type("ZMQInteractiveShell", (), {"user_ns": {}})()
    ipython = types.ModuleType("IPython")
    vars(ipython)["get_ipython"] = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert source() == ("<notebook>", "NOTEBOOK")
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/a.ipynb")
    assert source() == ("/home/me/a.ipynb", "NOTEBOOK")


def test_tags_have_the_names_of_mlflow() -> None:
    environment = capture_environment()
    tags = context_tags(GitState("0a1b", "main", None, True, "."), environment)
    assert tags == {
        "mlflow.user": environment.user,
        "mlflow.source.name": environment.source_name,
        "mlflow.source.type": environment.source_type,
        "mlflow.source.git.commit": "0a1b",
        "mlflow.source.git.branch": "main",
        "mlflow.source.git.dirty": "true",
    }
    assert set(context_tags(None, environment)) == {"mlflow.user", "mlflow.source.name", "mlflow.source.type"}


def test_capture_imports_no_framework_and_starts_no_process() -> None:
    code = (
        "import sys; events = []; sys.addaudithook(lambda name, _: events.append(name));"
        "from autotrack.capture.environment import capture_environment; capture_environment();"
        "print([e for e in events if e in ('subprocess.Popen', 'os.fork', 'os.posix_spawn', 'socket.connect')],"
        "[m for m in ('numpy', 'pandas', 'sklearn', 'sqlalchemy') if m in sys.modules])"
    )
    assert run(code).split("\n")[0] == "[] []"
