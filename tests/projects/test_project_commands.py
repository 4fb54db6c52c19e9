"""Commands of entry points: what the shell gets, and what the run gets."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.projects import EntryPoint, Parameter, ProjectError
from autotrack.projects.commands import Places, build_command
from autotrack.projects.grid import combinations, parse_values
from autotrack.projects.source import GitSource, parse_source

ENTRY = EntryPoint(
    "main", "train {alpha} {note}", {"alpha": Parameter("float", 0.5), "note": Parameter("string", "none")}
)


def places(folder: Path) -> Places:
    return Places(folder / "project", folder / "caller", folder / "downloads")


def test_defaults_and_values(tmp_path: Path) -> None:
    assert build_command(ENTRY, {}, places(tmp_path)) == ("train 0.5 none", {"alpha": 0.5, "note": "none"})
    command, params = build_command(ENTRY, {"alpha": "1e-3", "epochs": "3"}, places(tmp_path))
    assert command == "train 1e-3 none --epochs 3"
    assert params == {"alpha": 0.001, "note": "none", "epochs": 3}


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_value_is_one_word_for_the_shell(value: str) -> None:
    command, _ = build_command(ENTRY, {"note": value}, places(Path("/nowhere")))
    assert shlex.split(command) == ["train", "0.5", value]


def test_paths_start_where_they_were_written(tmp_path: Path) -> None:
    for folder in ("project", "caller"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").touch()
    entry = EntryPoint("main", "{data}", {"data": Parameter("path", "a.csv")})
    assert build_command(entry, {}, places(tmp_path))[0] == str(tmp_path / "project" / "a.csv")
    assert build_command(entry, {"data": "a.csv"}, places(tmp_path))[0] == str(tmp_path / "caller" / "a.csv")
    with pytest.raises(ProjectError, match=r"parameter 'data': there is no file or folder .*b\.csv"):
        build_command(entry, {"data": "b.csv"}, places(tmp_path))


def test_a_path_is_fetched(tmp_path: Path) -> None:
    source = tmp_path / "far.csv"
    source.write_text("1,2")
    entry = EntryPoint("main", "{data}", {"data": Parameter("path")})
    command, _ = build_command(entry, {"data": source.as_uri()}, places(tmp_path))
    assert Path(command) == tmp_path / "downloads" / "data" / "far.csv"
    assert Path(command).read_text() == "1,2"
    with pytest.raises(ProjectError, match="s3:// cannot be fetched"):
        build_command(entry, {"data": "s3://bucket/key"}, places(tmp_path))
    with pytest.raises(ProjectError, match="needs a value for data: -P data="):
        build_command(entry, {}, places(tmp_path))


def test_a_command_names_only_parameters(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"names \{beta\}, which is no parameter of it"):
        build_command(EntryPoint("main", "train {beta}"), {}, places(tmp_path))


def test_grid() -> None:
    grid = combinations({"seed": "1"}, {"alpha": "0.1,0.5", "depth": "2,3"})
    assert [tuple(one.values()) for one in grid] == [
        ("1", alpha, depth) for alpha in ("0.1", "0.5") for depth in ("2", "3")
    ]
    assert combinations({}, {}) == [{}]
    with pytest.raises(ProjectError, match="alpha given with -P and with --grid"):
        combinations({"alpha": "1"}, {"alpha": "1,2"})
    with pytest.raises(ProjectError, match="empty value"):
        combinations({}, {"alpha": "1,,2"})


@pytest.mark.parametrize("texts", [["alpha"], ["=1"], ["a=1", "a=2"]])
def test_mistakes_in_values(texts: list[str]) -> None:
    with pytest.raises(ProjectError):
        parse_values(texts, "-P")


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("https://host/team/wine.git", GitSource("https://host/team/wine.git")),
        ("git+https://me:pw@host/wine@v1#sub/dir", GitSource("https://me:pw@host/wine", "v1", "sub/dir")),
        ("git@host:team/wine.git@feature/x", GitSource("git@host:team/wine.git", "feature/x")),
        ("file:///srv/wine@main", GitSource("file:///srv/wine", "main")),
        ("examples/wine", None),
        ("train.py", None),
    ],
)
def test_sources(text: str, source: GitSource | None) -> None:
    assert parse_source(text) == source


def test_a_source_is_shown_without_password() -> None:
    source = parse_source("git+https://me:pw@host/wine@v1#sub")
    assert source is not None
    assert source.shown == "https://host/wine@v1#sub"
