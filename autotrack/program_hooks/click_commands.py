"""Learn the arguments of a click or typer program, from the context in which its command is invoked."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from autotrack.capture.program import Option, is_command_line, remember
from autotrack.integration import Integration, Patcher
from autotrack.shield import shielded

_from_command_line: ContextVar[bool] = ContextVar("autotrack_click", default=False)


class ClickHook(Integration):
    """Watch `Command.main`, to know a program from a test of one, and `Command.invoke`, which has what was parsed."""

    name = "click.core"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap both; where click had a base class for commands (before 8.2), `main` is there."""
        owner = module.Command if "main" in vars(module.Command) else module.BaseCommand
        patcher.wrap(owner, "main", _noting_main)
        patcher.wrap(module.Command, "invoke", lambda original: _watched(original, patcher))


class TyperHook(Integration):
    """Watch typer, whose commands have a `main` of their own, and in newer versions an `invoke`, too."""

    name = "typer.core"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap what is defined there."""
        for kind in (module.TyperCommand, module.TyperGroup):
            patcher.wrap(kind, "main", _noting_main)
        command = next(kind for kind in module.TyperCommand.__mro__ if "invoke" in vars(kind))
        if command.__module__.startswith("typer."):
            patcher.wrap(command, "invoke", lambda original: _watched(original, patcher))


def _noting_main(original: Callable[..., Any]) -> Callable[..., Any]:
    def main(self: Any, *args: Any, **kwargs: Any) -> Any:
        token = _from_command_line.set(is_command_line(args[0] if args else kwargs.get("args")))
        try:
            return original(self, *args, **kwargs)
        finally:
            _from_command_line.reset(token)

    return main


def _watched(original: Callable[..., Any], patcher: Patcher) -> Callable[..., Any]:
    def invoke(self: Any, ctx: Any) -> Any:
        if patcher.live and _from_command_line.get():
            with shielded("the arguments of click"):
                _remember(self, ctx)
        return original(self, ctx)

    return invoke


def _remember(command: Any, ctx: Any) -> None:
    options, hidden = {}, set()
    for param in command.params:
        if param.name is None:
            continue
        names = [name for name in param.opts if name.startswith("-")]
        long = [name for name in names if name.startswith("--")]
        options[param.name] = Option((long or names or [""])[0], flag=bool(getattr(param, "is_flag", False)))
        if getattr(param, "hide_input", False):
            hidden.add(param.name)
    remember(ctx.params, options, frozenset(hidden))
