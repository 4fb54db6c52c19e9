"""Settings: precedence, origins, spellings, and errors that say what was wrong and where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.errors import SettingsError
from autotrack.settings import PREFIX, Settings, resolve, settings_table


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty project, with no settings in the environment."""
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(variable)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_table(folder: Path, table: str) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(f"[tool.autotrack]\n{table}\n")
    return path


def test_defaults() -> None:
    resolved = resolve()
    assert resolved.settings == Settings()
    assert resolved.origins == dict.fromkeys(Settings.__struct_fields__, "default")


def test_every_source_wins_over_the_next(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_table(project, "experiment = 'file'\nrun_name = 'file'\nmax_child_runs = 1")
    monkeypatch.setenv("AUTOTRACK_EXPERIMENT", "variable")
    monkeypatch.setenv("AUTOTRACK_RUN_NAME", "variable")
    settings, origins = (resolved := resolve(experiment="argument", quiet=None)).settings, resolved.origins
    assert (settings.experiment, settings.run_name, settings.max_child_runs) == ("argument", "variable", 1)
    assert origins["experiment"] == "argument"
    assert origins["run_name"] == "AUTOTRACK_RUN_NAME"
    assert origins["max_child_runs"] == str(path)
    assert origins["quiet"] == "default"


@pytest.mark.parametrize("text", ["1", "true", "Yes", "ON"])
def test_true_spellings(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_STRICT", text)
    assert resolve().settings.strict is True


@pytest.mark.parametrize("text", ["0", "false", "No", "OFF"])
def test_false_spellings(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_LOG_MODELS", text)
    assert resolve().settings.log_models is False


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("to", "a.db, https://tracking.example:5000", ("a.db", "https://tracking.example:5000")),
        ("tags", "team=risk,query=a=b", {"team": "risk", "query": "a=b"}),
        ("max_child_runs", "0", 0),
        ("evaluation_budget", "1e-3", 1e-3),
        ("capture", "git", ("git",)),
        ("run_name", "null", "null"),
        ("experiment", "", "default"),
    ],
)
def test_variables(variable: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + variable.upper(), text)
    assert getattr(resolve().settings, variable) == value


def test_arguments_take_paths_single_values_and_any_tag_value(tmp_path: Path) -> None:
    settings = resolve(to=[tmp_path, "x"], store=tmp_path, only="sklearn", tags={"fold": 3}, system_interval=5).settings
    assert settings.to == (str(tmp_path), "x")
    assert settings.store == str(tmp_path)
    assert settings.only == ("sklearn",)
    assert settings.tags == {"fold": "3"}
    assert settings.system_interval == 5.0
    assert resolve(to="sqlite:///a,b.db").settings.to == ("sqlite:///a,b.db",)


@given(st.dictionaries(st.sampled_from(["experiment", "run_name"]), st.text(min_size=1)))
def test_texts_given_as_arguments_stay_as_they_are(arguments: dict[str, str]) -> None:
    settings = resolve(**arguments).settings
    assert {name: getattr(settings, name) for name in arguments} == arguments


def test_paths_of_a_pyproject_start_at_its_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(project, "store = 'runs'\nto = ['local', 'wandb://team/project', '/absolute']\ntags = {n = 1}")
    (project / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(project / "deep" / "down")
    settings = resolve().settings
    assert settings.store == str(project / "runs")
    assert settings.to == (str(project / "local"), "wandb://team/project", "/absolute")
    assert settings.tags == {"n": "1"}


def test_the_store_may_stand_in_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AUTOTRACK_STORE", "~/runs")
    assert resolve().settings.store == str(tmp_path / "runs")


def test_only_the_nearest_pyproject_counts(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(project, "experiment = 'outer'")
    inner = project / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[tool.other]\n")
    monkeypatch.chdir(inner)
    assert resolve().settings.experiment == "default"


def test_a_deleted_working_directory_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert resolve().settings == Settings()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"log_model": True},
            r"unknown setting 'log_model' \(from argument\); did you mean 'log_models'\?; allowed: all_",
        ),
        (
            {"log_models": "maybe"},
            r"log_models = 'maybe' \(from argument\): expected true/false, yes/no, on/off or 1/0",
        ),
        ({"max_child_runs": -1}, r"max_child_runs = -1 .*: expected a whole number, 0 or more"),
        ({"max_child_runs": "many"}, r"max_child_runs = 'many' .*: expected a whole number, 0 or more"),
        ({"max_child_runs": True}, r"expected a whole number"),
        ({"system_interval": 0}, r"expected a number above 0"),
        ({"exit_timeout": float("nan")}, r"expected a number, 0 or more"),
        ({"capture": ["git", "enviroment"]}, r"any of git, code, .*; did you mean 'environment'\?"),
        ({"log_level": "warn"}, r"one of debug, info, warning, error; did you mean 'warning'\?"),
        ({"experiment": 3}, r"expected text"),
        ({"only": 3}, r"expected a list of texts"),
        ({"tags": "a"}, r"expected a table of texts"),
    ],
)
def test_mistakes_in_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        resolve(**arguments)


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        (
            "AUTOTRACK_LOG_MODEL",
            "1",
            r"'AUTOTRACK_LOG_MODEL' \(from the environment\); did you mean 'AUTOTRACK_LOG_MODELS'",
        ),
        ("AUTOTRACK_STRICT", "2", r"strict = '2' \(from AUTOTRACK_STRICT\)"),
        ("AUTOTRACK_TAGS", "a=1,b", r"tags = \['a=1', 'b'\] \(from AUTOTRACK_TAGS\)"),
    ],
)
def test_mistakes_in_variables(variable: str, text: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingsError, match=message):
        resolve()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[tool.autotrack]\nlog_modles = true", "unknown setting 'log_modles' .*did you mean 'log_models'"),
        ("[tool.autotrack]\nstrict = 'perhaps'", "strict = 'perhaps'"),
        ("[tool.autotrack]\nstrict = ", "cannot read"),
        ("[[tool.autotrack]]\nstrict = true", "cannot read .*Expected `object`, got `array`"),
        ("# tool.autotrack \xff", "cannot read"),
    ],
)
def test_mistakes_in_a_pyproject_name_the_file(content: str, message: str, project: Path) -> None:
    path = project / "pyproject.toml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(SettingsError, match=message) as caught:
        resolve()
    assert str(path) in str(caught.value)


def test_every_setting_is_described() -> None:
    table = settings_table()
    assert [setting.name for setting in table] == list(Settings.__struct_fields__)
    assert all(setting.description.endswith(".") for setting in table)
    assert all(setting.variable == PREFIX + setting.name.upper() for setting in table)
