"""The commands that read: what they print for people and for programs, and what they say when something is wrong."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import autotrack
from autotrack import recording
from autotrack.cli.app import commands
from autotrack.store.schema import HEAD


@pytest.fixture(autouse=True)
def _plain_runs(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "pyproject.toml").write_text("[tool.autotrack]\ncapture = []\nlog_system_metrics = false\n")
    yield
    recording.close_recorder()


@pytest.fixture
def ids() -> dict[str, str]:
    """Record a search with a child, and a failed run; return ids by name."""
    found: dict[str, str] = {}
    with autotrack.start_run("search", tags={"team": "x"}) as parent:
        parent.log_params({"C": 0.5, "solver": "lbfgs"})
        for step in range(20):
            parent.log_metric("loss", 1 / (step + 1), step)
        parent.log_metrics({"test_accuracy_score": 0.9, "odd": math.nan, "huge": math.inf}, step=1)
        parent.evaluate(["cat", "dog", "cat"], ["cat", "dog", "dog"])
        parent.log_text("hello", "notes/a.txt")
        parent.note("test.note", "look here", level="warning")
        with autotrack.start_run("candidate", nested=True) as child:
            child.log_metric("test_accuracy_score", 0.8)
    found |= {"search": parent.id, "candidate": child.id}
    broken = autotrack.start_run("broken")
    broken.log_param("C", 1)
    broken.end_with(ZeroDivisionError("division by zero"))
    autotrack.end_run()
    assert autotrack.flush(60)
    recording.close_recorder()
    return found | {"broken": broken.id}


def call(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments, prog_name="autotrack")


def good(*arguments: str) -> Result:
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result


# ls


def test_ls_shows_the_runs_and_the_numbers_that_matter(ids: dict[str, str]) -> None:
    lines = good("ls").stdout.splitlines()
    assert lines[0].split()[:5] == ["status", "run", "id", "started", "duration"]
    assert "test_accuracy_score" in lines[0]
    assert lines[1].split()[:3] == ["failed", "broken", ids["broken"]]
    assert lines[2].split()[:4] == ["finished", "search", "+1", ids["search"]]
    assert len(lines) == 3
    assert "\x1b" not in "".join(lines)


def test_ls_chooses_sorts_and_limits(ids: dict[str, str]) -> None:
    assert good("ls", "-q").stdout.split() == [ids["broken"], ids["search"]]
    assert good("ls", "-qa", "--sort", "start_time").stdout.split() == [ids["search"], ids["candidate"], ids["broken"]]
    assert good("ls", "-q", "-f", "metrics.test_accuracy_score < 0.85").stdout.split() == [ids["candidate"]]
    limited = good("ls", "-n", "1")
    assert "search" not in limited.stdout
    assert limited.stderr == "the first 1 run; --limit 0 shows all\n"
    assert good("ls", "-e", "nothing").stderr == "no runs match\n"
    assert good("ls", "-c", "params.C, metrics.loss").stdout.splitlines()[0].split()[-2:] == [
        "params.C",
        "metrics.loss",
    ]


def test_ls_as_json_has_every_value(ids: dict[str, str]) -> None:
    first, second = json.loads(good("ls", "--json").stdout)
    assert (first["id"], first["status"]) == (ids["broken"], "failed")
    assert second["params"] == {"C": 0.5, "solver": "lbfgs"}
    assert (second["metrics"]["odd"], second["metrics"]["huge"]) == ("NaN", "Infinity")
    assert second["start_time"].endswith("Z")


# show, compare, export


def test_show_has_all_sections(ids: dict[str, str]) -> None:
    text = good("show", ids["search"]).stdout
    for part in ("✓ search", "params", "solver", "lbfgs", "▁", "evaluation: test", "cat", "true \\ predicted",
                 "team", "notes/a.txt", "look here  (test.note)", "child runs", "candidate"):  # fmt: skip
        assert part in text
    assert "ZeroDivisionError" in good("show", "@last").stdout


@pytest.mark.parametrize("reference", ["whole", "beginning", "name"])
def test_runs_can_be_named_in_many_ways(reference: str, ids: dict[str, str]) -> None:
    run_id = ids["broken"]
    named = {"whole": run_id, "beginning": run_id[:20], "name": "broken"}[reference]
    shown = json.loads(good("show", named, "--json").stdout)
    assert shown["id"] == run_id
    assert "ZeroDivisionError" in shown["error"]


def test_show_as_json_is_the_whole_run(ids: dict[str, str]) -> None:
    shown = json.loads(good("show", "search", "--json").stdout)
    assert shown["metric_summaries"]["loss"]["count"] == 20
    assert shown["artifacts"][0]["path"] == "notes/a.txt"
    assert shown["children"] == [ids["candidate"]]
    (evaluation,) = shown["evaluations"]
    assert evaluation["labels"] == ["cat", "dog"]
    assert evaluation["matrix"]["counts"] == [1, 1, 1]
    assert [note["code"] for note in shown["notes"]] == ["test.note"]


def test_compare_shows_the_differences(ids: dict[str, str]) -> None:
    text = good("compare", "search", "candidate").stdout
    assert "-0.1  -11.1%" in text
    result = json.loads(good("compare", "search", "broken", "-d", "--json").stdout)
    assert result["params"] == {"C": [0.5, 1], "solver": ["lbfgs", None]}
    assert "status" not in json.loads(good("compare", "search", "broken", "--json").stdout)["tags"]
    same = json.loads(good("compare", "search", "candidate", "search", "-d", "--json").stdout)
    assert [run["id"] for run in same["runs"]] == [ids["search"], ids["candidate"], ids["search"]]
    assert call("compare", "search").exit_code == 2


def test_export_has_every_value(ids: dict[str, str], tmp_path: Path) -> None:
    runs = json.loads(good("export").stdout)
    assert [run["id"] for run in runs] == [ids["search"], ids["candidate"], ids["broken"]]
    rows = list(csv.DictReader(io.StringIO(good("export", "--format", "csv").stdout)))
    assert [row["params.C"] for row in rows] == ["0.5", "", "1"]
    assert [row["metrics.odd"] for row in rows] == ["NaN", "", ""]
    written = good("export", "search", "--history", "--format", "csv", "-o", str(tmp_path / "points.csv"))
    assert (written.stdout, written.stderr) == ("", f"1 run in {tmp_path}/points.csv\n")
    points = list(csv.DictReader(io.StringIO((tmp_path / "points.csv").read_text())))
    assert [float(row["value"]) for row in points if row["metric"] == "loss"] == [1 / (n + 1) for n in range(20)]
    whole = json.loads(good("export", "-f", 'name = "search"', "--history").stdout)
    assert len(whole[0]["history"]["loss"]) == 20
    assert call("export", "search", "-f", "metrics.x > 1").exit_code == 2
    assert call("export", "-o", str(tmp_path / "no" / "folder.json")).exit_code == 1


# rm, restore


def test_deleted_runs_come_back(ids: dict[str, str]) -> None:
    assert good("rm", "search").stderr == "moved to the trash: search with 1 child run\n"
    assert good("ls", "-qa").stdout.split() == [ids["broken"]]
    assert set(good("ls", "-q", "--deleted").stdout.split()) == {ids["search"], ids["candidate"]}
    assert "restore" in good("show", ids["search"]).stdout
    assert json.loads(good("restore", "search", "--json").stdout) == [ids["search"], ids["candidate"]]
    assert len(good("ls", "-qa").stdout.split()) == 3
    assert call("rm", "search", "nothing").exit_code == 3
    assert len(good("ls", "-qa").stdout.split()) == 3  # a mistake in one name moves nothing


# doctor, env


def test_env_names_values_and_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_EXPERIMENT", "lab")
    monkeypatch.setenv("AUTOTRACK_TO", "postgresql://me:hunter2@host/runs")
    text = good("env").stdout
    assert "hunter2" not in text
    lines = {line.split()[0]: line.split() for line in text.splitlines()}
    assert lines["experiment"][1:4] == ["lab", "AUTOTRACK_EXPERIMENT", "AUTOTRACK_EXPERIMENT"]
    settings = {setting["name"]: setting for setting in json.loads(good("env", "--json").stdout)}
    assert settings["experiment"]["origin"] == "AUTOTRACK_EXPERIMENT"
    assert settings["system_interval"]["value"] == 10.0


def findings(*arguments: str) -> dict[tuple[str, str], tuple[str, str]]:
    result = call("doctor", "--json", *arguments)
    return {(f["topic"], f["name"]): (f["level"], f["text"]) for f in json.loads(result.stdout)}


def test_doctor_finds_nothing_wrong(ids: dict[str, str]) -> None:
    found = findings()
    assert found["store", "content"] == ("ok", f"3 runs, schema {HEAD}, no damage found")
    assert found["delivery", "test.note"] == ("warning", "1 on the latest 3 runs, such as: look here")
    assert found["delivery", "waiting"] == ("ok", "nothing")
    assert found["frameworks", "sklearn"][1].startswith(f"{metadata.version('scikit-learn')} (supported: scikit-learn")
    assert "0 errors" in good("doctor").stdout


def test_doctor_sees_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ".autotrack"
    folder.mkdir()
    (folder / "store.db").write_bytes(b"no database" * 1000)
    (folder / "store.db.corrupt-1").write_bytes(b"x")
    found = findings()
    assert found["store", "content"][0] == "error"
    assert found["store", "damaged"][0] == "warning"
    assert call("doctor").exit_code == 1
    monkeypatch.setenv("AUTOTRACK_STRICT", "perhaps")
    assert findings()["settings", "mistake"][0] == "error"


# Terminals


def test_colours_follow_the_conventions(ids: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in good("ls").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in good("ls").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
@pytest.mark.parametrize("width", [60, 100, 200])
def test_tables_fit_the_terminal(width: int, ids: dict[str, str]) -> None:
    for command in (["ls"], ["show", "search"], ["compare", "search", "candidate"]):
        text = on_terminal(width, *command)
        assert "✓" in text or command[0] == "compare"
        lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
        tables = [line for line in lines if "/.autotrack/" not in line]  # paths are never cut
        assert [line for line in tables if len(line) > width] == []


def on_terminal(width: int, *arguments: str) -> str:
    """Run a command on a pseudo-terminal of its own."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "COLUMNS": str(width), "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen([sys.executable, "-m", "autotrack", *arguments], stdout=theirs, env=environment)
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # what Linux says when the other side is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(ours)
    assert process.wait() == 0
    return b"".join(parts).decode()


def test_nothing_in_a_run_steers_the_terminal() -> None:
    with autotrack.start_run("evil\x1b[2J\x07") as run:
        run.log_param("a\nb", "c\x1b]0;title\x07")
    recording.close_recorder()
    for command in (["ls"], ["show", "@last"], ["compare", "@last", "@last"]):
        assert "\x1b" not in call(*command).output
        assert "\x07" not in call(*command).output


# Mistakes


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ls", "-f", "metrics.loss >> 1"], 2, "^ column 15"),
        (["ls", "-f", "metrisc.loss > 1"], 2, 'did you mean "metric"'),
        (["ls", "--sort", "nothing"], 2, "unknown field 'nothing'"),
        (["ls", "--limit", "x"], 2, "is not a valid integer"),
        (["list"], 2, "No such command 'list'"),
        (["show", "nothing"], 3, "no run 'nothing'"),
        (["show"], 2, "Missing argument"),
        (["rm", "nothing"], 3, "no run 'nothing'"),
        (["compare", "search", "nothing"], 3, "no run 'nothing'"),
        (["export", "nothing"], 3, "no run 'nothing'"),
        (["ls", "--store", "elsewhere"], 4, "no runs here yet: there is no store at"),
        (["--store", "elsewhere", "ls"], 4, "no runs here yet: there is no store at"),
        (["ls", "--store", "postgresql://nobody@127.0.0.1:9/nothing"], 4, "cannot open the store"),
        (["ls", "--store", "memory://x"], 4, "does not read"),
        (["sync", "search", "--to", "nothing://x"], 2, "no backend takes nothing:// URLs"),
        (["sync", "--to", "nothing://x"], 2, "no backend takes nothing:// URLs"),
        (["run"], 2, "name a script"),
        (["shwo"], 2, "Did you mean 'show'?"),
        (["models", "regster"], 2, "Did you mean 'register'?"),
        (["import", "missing"], 2, "'missing' does not exist"),
        (["init", "/dev/null/project", "--name", "p"], 1, "/dev/null/project: Not a directory"),
        (["run", "missing.py"], 2, "cannot open 'missing.py': No such file"),
        (["run", "--tag", "x", "missing.py"], 2, "cannot open"),
    ],
)
def test_mistakes_are_explained(arguments: list[str], code: int, message: str, ids: dict[str, str]) -> None:
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_an_ambiguous_beginning_lists_what_it_may_mean(ids: dict[str, str]) -> None:
    result = call("show", ids["search"][:6])
    assert result.exit_code == 3
    for name, run_id in ids.items():
        assert f"{run_id}  {name}" in result.stderr


def test_a_damaged_store_is_reported(ids: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".autotrack" / "store.db").write_bytes(b"no database" * 1000)
    result = call("ls")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "damaged" in result.stderr


def test_a_newer_store_is_left_alone(ids: dict[str, str], tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / ".autotrack" / "store.db")
    with database:
        database.execute("UPDATE autotrack_version SET version_num = '9999'")
    database.close()
    result = call("ls")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "upgrade autotrack" in result.stderr


def test_a_store_is_found_by_file_and_by_url(
    ids: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ".autotrack"
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    for store in (str(folder), str(folder / "store.db"), f"sqlite:///{folder}/store.db"):
        shown = json.loads(good("--store", store, "show", "search", "--json").stdout)
        assert shown["artifacts"][0]["path"] == "notes/a.txt"
        assert str(folder) in good("show", "search", "--store", store).stdout
    assert list(Path.cwd().iterdir()) == []


WITHOUT_JSON = {"run", "export", "models predict", "models serve", "server"}
"""What they write is a program's output, a file, or a log; and export's default format is JSON."""


def test_every_reading_command_speaks_json() -> None:
    silent = {
        name
        for name, command in leaves(commands)
        if "--json" not in {option for parameter in command.params for option in parameter.opts}
    }
    assert not silent - WITHOUT_JSON


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield each command by its words, those of groups within groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield " ".join((*path, name)), command
