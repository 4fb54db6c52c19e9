"""A group of commands that imports the module of a command when the command is called."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that knows its commands by the names of their modules.

    Attributes:
        modules: The module in `autotrack.cli` of each command, in the order in which help shows them. The command has
            its own name there, with an underscore behind it where that is a keyword.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - what click asks for
        """Return the names in the order of a user's day."""
        return list(self.modules)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called; of a mistyped one, say which may be meant."""
        if args[0] not in self.modules and not ctx.resilient_parsing:
            near = get_close_matches(args[0], self.modules, n=1)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if name not in self.modules:
            return None
        module = import_module(f"autotrack.cli.{self.modules[name]}")
        command: click.Command = getattr(module, f"{name}_" if iskeyword(name) else name)
        return command
