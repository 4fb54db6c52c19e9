"""What the files of a project say."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotrack.projects import CondaFile, Container, Packages, Parameter, ProjectError, read_project
from autotrack.projects.environments import default_kind, own_requirement, prepare
from autotrack.projects.launching import container_command
from autotrack.projects.reading import read_script

DOCUMENTED = """
name: My Project

entry_points:
  main:
    parameters:
      data_file: path
      regularization: {type: float, default: 0.1}
    command: "python train.py -r {regularization} {data_file}"
  validate:
    parameters:
      data_file: path
    command: "python validate.py {data_file}"
"""
"""The example of the format's own documentation."""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_the_documented_example(tmp_path: Path) -> None:
    project = read_project(write(tmp_path, mlproject=DOCUMENTED))  # the file's name is in any case
    main = project.entry_point("main")
    assert project.name == "My Project"
    assert main.command == "python train.py -r {regularization} {data_file}"
    assert main.parameters == {"data_file": Parameter("path"), "regularization": Parameter("float", 0.1)}
    assert set(project.entry_points) == {"main", "validate"}
    assert project.environment is None


def test_scripts_are_entry_points(tmp_path: Path) -> None:
    project = read_project(write(tmp_path, train__py="", go__sh=""))
    assert project.entry_point("train.py").command == "python train.py"
    assert project.entry_point("go.sh").command == "bash go.sh"
    with pytest.raises(ProjectError, match="has no entry point 'main'"):
        project.entry_point("main")
    (tmp_path / "__main__.py").write_text("")
    assert project.entry_point("main").command == "python __main__.py"


def test_environments(tmp_path: Path) -> None:
    env = "python: '3.11'\nbuild_dependencies: [pip]\ndependencies: [-r more.txt, numpy]\n"
    project = read_project(write(tmp_path, MLproject="python_env: env.yaml", env__yaml=env))
    assert project.environment == Packages("3.11", ("pip", "-r more.txt", "numpy"))
    conda = "dependencies: [python=3.11, pip<=24, {pip: [numpy]}]"
    project = read_project(write(tmp_path, MLproject="conda_env: conda.yaml", conda__yaml=conda))
    assert project.environment == CondaFile(tmp_path / "conda.yaml", Packages("3.11", ("numpy",)))
    write(tmp_path, conda__yaml="dependencies: [gdal]", MLproject="name: x")  # found without being named
    assert read_project(tmp_path).environment == CondaFile(tmp_path / "conda.yaml", None)
    docker = "docker_env: {image: team/train, volumes: ['/data:/data'], environment: [[A, 1], HOME]}"
    project = read_project(write(tmp_path, MLproject=docker))
    assert project.environment == Container("team/train", ("/data:/data",), ("A=1", "HOME"))
    assert default_kind(project.environment) == "docker"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "holds no YAML mapping"),
        ("a: [", "cannot be read"),
        ("entry_points: {main: {}}", "'main' has no command"),
        ("entry_points: {main: {command: x, parameters: {a: integer}}}", "of type 'integer'"),
        ("{python_env: a, conda_env: b}", "several environments"),
        ("python_env: missing.yaml", "which is not there"),
        ("docker_env: {volumes: []}", "names no image"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        read_project(write(tmp_path, MLproject=text))


def test_pyproject(tmp_path: Path) -> None:
    text = """
[project]
name = "wine"
requires-python = ">=3.10"
dependencies = ["numpy"]
[tool.autotrack.entry-points]
prepare = "python prepare.py"
[tool.autotrack.entry-points.main]
command = "python train.py --alpha {alpha} {data}"
parameters = { alpha = 0.5, data = { type = "path" } }
"""
    project = read_project(write(tmp_path, pyproject__toml=text))
    assert project.entry_point("main").parameters == {"alpha": Parameter("float", 0.5), "data": Parameter("path")}
    assert project.entry_point("prepare").command == "python prepare.py"
    assert project.environment == Packages(">=3.10", ("numpy",))


def test_entry_points_are_no_settings(tmp_path: Path) -> None:
    from autotrack.settings import resolve

    write(tmp_path, pyproject__toml='[tool.autotrack]\nexperiment = "wine"\nentry-points = {main = "python a.py"}\n')
    assert resolve().settings.experiment == "wine"


def test_script_header(tmp_path: Path) -> None:
    header = '# /// script\n# requires-python = ">=3.10"\n# dependencies = [\n#   "numpy",\n# ]\n# ///\nprint(1)\n'
    project = read_script(Path("a b.py"), write(tmp_path, **{"a b__py": header}))
    assert project.environment == Packages(">=3.10", ("numpy",))
    assert project.entry_point("main").command == "python 'a b.py'"
    assert read_script(Path("c.py"), write(tmp_path, c__py="print(1)")).environment is None
    with pytest.raises(ProjectError, match="several"):
        read_script(Path("d.py"), write(tmp_path, d__py=header + header))


def test_environments_that_do_not_fit(tmp_path: Path) -> None:
    project = read_project(write(tmp_path, MLproject="python_env: env.yaml", env__yaml="python: '2.7'"))
    with pytest.raises(ProjectError, match=r"wants Python 2\.7"):
        prepare(project, "venv", print)
    with pytest.raises(ProjectError, match="names no docker image"):
        prepare(project, "docker", print)
    with pytest.raises(ProjectError, match=r"has no conda\.yaml"):
        prepare(project, "conda", print)
    assert own_requirement().startswith("autotrack")


def test_a_container_sees_code_store_and_shims(tmp_path: Path) -> None:
    container = Container("team/train", ("/data:/data",), ("A=1", "HOME"))
    words = container_command(
        container, "python train.py", Path("/code"), Path("/shims"), {"AUTOTRACK_STORE": "/store"}
    )
    assert words[:3] == ["docker", "run", "--rm"]
    assert words[-4:] == ["team/train", "sh", "-c", 'PATH="/autotrack/python:$PATH"; python train.py']
    given = [words[at + 1] for at, word in enumerate(words) if word in {"--volume", "--env"}]
    assert given == [
        *("/code:/autotrack/code", "/shims:/autotrack/python:ro", "/data:/data", "/store:/store"),
        *("AUTOTRACK_STORE=/store", "A=1", "HOME"),
    ]
