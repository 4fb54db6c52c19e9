"""The page about the command line is current, and speaks of every command and option."""

from __future__ import annotations

import runpy
from pathlib import Path

import click
import pytest

from autotrack.cli.app import COMMANDS, EXIT_CODES, commands

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def test_cli_page_is_current() -> None:
    generator = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    assert generator["cli_page"]() == PAGE, "run: python docs/generate.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_option_and_argument_is_documented(name: str) -> None:
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    section = PAGE.split(f"## `autotrack {name}`\n")[1].split("\n## ")[0]
    for parameter in command.params:
        words = (
            parameter.opts
            if isinstance(parameter, click.Option)
            else [str(parameter.make_metavar(click.Context(command)))]
        )
        assert all(word in section for word in words), parameter.name
        assert not isinstance(parameter, click.Option) or parameter.help, f"{parameter.name} has no help"


@pytest.mark.parametrize("code", sorted({0, *(code for _, code in EXIT_CODES)}))
def test_every_exit_code_is_documented(code: int) -> None:
    assert f"\n| {code} | " in PAGE
