"""The wheel and the sdist carry everything, and what is installed from them works."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def sources(folder: str) -> set[str]:
    """List the files of a source folder as git knows them, or as they lie there outside a repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        return {name for name in listed.stdout.split() if (ROOT / name).is_file()}
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in found}


def in_package(name: str) -> str:
    return f"autotrack/{name}" if name.startswith("integrations/") else name


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from the sdist, as a release does."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    return next(distributions.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a folder of its own; the dependencies are those of the tests."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def run_python(code: str, site: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_wheel_has_every_source_file(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {in_package(name) for name in sources("autotrack") | sources("integrations")}
    assert "autotrack/integrations/__init__.py" in wanted
    assert "autotrack/py.typed" in wanted
    assert wanted <= names, f"missing: {sorted(wanted - names)}"


def test_wheel_has_nothing_else(wheel: Path) -> None:
    roots = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"autotrack"}


def test_wheel_metadata(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = next(name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name)
    metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
    assert metadata["License-Expression"] == "Apache-2.0"
    assert f"{info}/licenses/LICENSE" in archive.namelist()
    assert "autotrack = autotrack.cli:main" in archive.read(f"{info}/entry_points.txt").decode()


def test_sdist_has_the_integrations_once(distributions: Path) -> None:
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        names = {member.name.split("/", 1)[1] for member in archive.getmembers() if "/" in member.name}
    wanted = sources("autotrack") | sources("integrations") | {"LICENSE", "README.md", "pyproject.toml"}
    assert wanted - names <= {"autotrack/integrations"}
    assert not {name for name in names if name.startswith("autotrack/integrations")}


def test_installed_package_finds_its_integrations(installed: Path) -> None:
    output = run_python("import autotrack.integrations as package; print(package.__file__)", installed)
    assert Path(output.strip()) == installed / "autotrack" / "integrations" / "__init__.py"


def test_integrations_cannot_be_imported_by_a_second_name() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run_python("import integrations", ROOT)
    assert "import 'autotrack.integrations'" in caught.value.stderr
