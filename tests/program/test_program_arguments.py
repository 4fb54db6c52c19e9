"""Command-line arguments and seeds become params of root runs, whichever parser the program uses."""

from __future__ import annotations

import argparse
import os
import pickle
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autotrack
from autotrack.capture.secret_names import is_secret_name
from autotrack.capture.seeds import framework_seeds
from autotrack.testing import MemoryBackend


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a program's parsing with a command line, then begin a run; return its params."""

    def record(arguments: list[str], program: Callable[[], object]) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        name = os.urandom(4).hex()
        autotrack.enable(to=f"memory://{name}", log_system_metrics=False, capture=["arguments", "seeds"])
        try:
            program()
            with autotrack.start_run():
                pass
        finally:
            autotrack.disable()
        frameworks = framework_seeds()  # what other tests of this session have set
        found = MemoryBackend.named(name).runs[0].params
        return {key: value for key, value in found.items() if key not in frameworks}

    return record


def test_argparse(recorded: Any) -> None:
    def program() -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("data", type=Path)
        parser.add_argument("--lr", type=float, default=0.1)
        parser.add_argument("--api-key")
        parser.add_argument("--verbose", action="store_true")
        parser.set_defaults(run=len)
        found = parser.parse_args()
        assert vars(found) == {"data": Path("x.csv"), "lr": 0.5, "api_key": "hunter2", "verbose": True, "run": len}
        parser.parse_args(["other.csv", "--lr", "9"])  # not the command line

    params = recorded(["x.csv", "--lr", "0.5", "--api-key", "hunter2", "--verbose"], program)
    assert params == {"data": "x.csv", "lr": 0.5, "api_key": "***", "verbose": True, "run": "builtins.len"}


def test_argparse_errors_are_its_own(recorded: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def program() -> None:
        with pytest.raises(SystemExit, match="2"):
            argparse.ArgumentParser().parse_args()

    assert recorded(["--no-such"], program) == {}
    assert "unrecognized arguments: --no-such" in capsys.readouterr().err


def test_click(recorded: Any) -> None:
    import click

    @click.group()
    @click.option("--seed", type=int, default=3)
    def main(seed: int) -> None: ...

    @main.command()
    @click.option("--learning-rate", type=float)
    @click.option("--pin", hide_input=True)
    def train(learning_rate: float, pin: str) -> None:
        assert (learning_rate, pin) == (0.5, "1234")

    params = recorded(["train", "--learning-rate", "0.5", "--pin", "1234"], lambda: main(standalone_mode=False))
    assert params == {"seed": 3, "learning_rate": 0.5, "pin": "***"}


def test_a_click_test_runner_is_no_command_line(recorded: Any) -> None:
    import click
    from click.testing import CliRunner

    @click.command()
    @click.option("--lr")
    def main(lr: str) -> None: ...

    assert recorded([], lambda: CliRunner().invoke(main, ["--lr", "1"])) == {}


def test_typer(recorded: Any) -> None:
    import typer

    app = typer.Typer()

    @app.command()
    def main(data: Path, epochs: int = 3, fast: bool = False) -> None:
        assert epochs == 5

    params = recorded(["x.csv", "--epochs", "5"], lambda: app(standalone_mode=False))
    assert params == {"data": "x.csv", "epochs": 5, "fast": False}


def test_fire(recorded: Any) -> None:
    import fire

    def train(lr: float = 0.1, layers: int = 2, **more: Any) -> None:
        assert (lr, more) == (0.5, {"depth": 4})

    assert recorded(["--lr=0.5", "--depth=4"], lambda: fire.Fire(train)) == {"lr": 0.5, "layers": 2, "depth": 4}


def test_absl(recorded: Any) -> None:
    from absl import flags

    def program() -> None:
        values = flags.FlagValues()
        flags.DEFINE_float("lr", 0.1, "rate", flag_values=values)
        flags.DEFINE_string("db_password", "", "secret", flag_values=values)
        values(sys.argv)
        assert values.lr == 0.5

    assert recorded(["--lr=0.5", "--db_password=hunter2"], program) == {"lr": 0.5, "db_password": "***"}


def test_hydra(recorded: Any, tmp_path: Path) -> None:
    import hydra

    (tmp_path / "config.yaml").write_text(
        "model: {lr: 0.1, layers: [8, 4]}\ndb: {password: hunter2}\nname: ${model.lr}\n"
    )

    def program() -> None:
        @hydra.main(version_base=None, config_path=str(tmp_path), config_name="config")
        def main(config: Any) -> None:
            assert config.model.lr == 0.5

        main()

    params = recorded(["model.lr=0.5"], program)
    assert params == {"model.lr": 0.5, "model.layers": [8, 4], "db.password": "***", "name": "${model.lr}"}


@pytest.mark.slow
def test_dataclasses_of_transformers(recorded: Any, tmp_path: Path) -> None:
    from dataclasses import make_dataclass

    from transformers import HfArgumentParser

    options = make_dataclass("Options", [("lr", float, 0.1), ("epochs", int, 3)])
    command_line = recorded(["--lr", "0.5"], lambda: HfArgumentParser(options).parse_args_into_dataclasses())
    assert command_line == {"lr": 0.5, "epochs": 3}
    given = {"lr": 0.25}
    assert recorded([], lambda: HfArgumentParser(options).parse_dict(given)) == {"lr": 0.25, "epochs": 3}


def test_seeds_and_the_streams_they_begin(recorded: Any) -> None:
    before = (random.seed, np.random.seed)

    def program() -> None:
        random.seed(7)
        np.random.seed(seed=8)
        for function in (random.seed, np.random.seed):
            assert pickle.loads(pickle.dumps(function)) is function
        assert (random.random(), np.random.rand()) == expected

    random.seed(7)
    np.random.seed(8)
    expected = (random.random(), np.random.rand())
    assert recorded([], program) == {"seed.python": 7, "seed.numpy": 8}
    assert (random.seed, np.random.seed) == before


def test_what_is_parsed_later_reaches_runs_that_are_open(recorded: Any) -> None:
    seen = []

    def program() -> None:
        with autotrack.start_run() as run:
            parser = argparse.ArgumentParser()
            parser.add_argument("--lr", type=float)
            parser.parse_args()
            seen.append(run)

    assert recorded(["--lr", "2"], program) == {"lr": 2.0}


def test_nothing_is_learned_where_capture_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    before = argparse.ArgumentParser.parse_known_args
    autotrack.enable(to="memory://off", capture=[])
    assert argparse.ArgumentParser.parse_known_args is before
    autotrack.disable()


def test_the_setting_redact_names_more_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "--door-pin=1234", "--badge=5678", "--spin=1"])
    autotrack.enable(to="memory://redact", log_system_metrics=False, capture=["arguments"], redact=["pin", "badg*"])
    parser = argparse.ArgumentParser()
    for name in ("--door-pin", "--badge", "--spin"):
        parser.add_argument(name)
    parser.parse_args()
    with autotrack.start_run():
        pass
    autotrack.disable()
    (run,) = MemoryBackend.named("redact").runs
    assert run.params == {"door_pin": "***", "badge": "***", "spin": "1"}
    autotrack.enable(to="memory://redact")
    autotrack.disable()
    assert not is_secret_name("door_pin")
