"""Learn the arguments that `argparse` read from the command line; transformers' `HfArgumentParser` is one, too."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from autotrack.capture.program import Option, is_command_line, remember
from autotrack.integration import Integration, Patcher
from autotrack.shield import shielded


class ArgparseHook(Integration):
    """Watch `ArgumentParser.parse_known_args`, which all other ways to parse lead to."""

    name = "argparse"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap the method; parsing itself stays as it is."""
        patcher.wrap(module.ArgumentParser, "parse_known_args", lambda original: _watched(original, patcher))


class HfArgumentParserHook(Integration):
    """Watch transformers' dataclasses filled from JSON, YAML or a dict; from the command line they come by argparse."""

    name = "transformers.hf_argparser"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap the method."""

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def parse_dict(*args: Any, **kwargs: Any) -> Any:
                found = original(*args, **kwargs)
                if patcher.live:
                    with shielded("the arguments of HfArgumentParser"):
                        for part in found:
                            remember({field.name: getattr(part, field.name) for field in dataclasses.fields(part)})
                return found

            return parse_dict

        patcher.wrap(module.HfArgumentParser, "parse_dict", make)


def _watched(original: Callable[..., Any], patcher: Patcher) -> Callable[..., Any]:
    def parse_known_args(self: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> Any:
        whole = is_command_line(args[0] if args else kwargs.get("args"))
        found = original(self, *args, **kwargs)
        if whole and patcher.live and not _asked_by_hydra():
            with shielded("the arguments of argparse"):
                namespace = found[0]
                values = {name: value for name, value in vars(namespace).items() if not name.startswith("_")}
                remember(values, dict(_options(self)))
        return found

    return parse_known_args


def _asked_by_hydra() -> bool:
    """Say whether the parser is hydra's own: its `--multirun` and the like are no arguments of the program."""
    frame = sys._getframe(2)  # noqa: SLF001 - what `inspect` uses, without its cost
    while frame.f_back is not None and frame.f_globals.get("__name__") == "argparse":
        frame = frame.f_back
    return str(frame.f_globals.get("__name__")).startswith("hydra.")


def _options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, Option]]:
    """Say how each argument is written, those of subcommands too."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list of them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for below in action.choices.values():
                yield from _options(below)
        elif action.dest != argparse.SUPPRESS:
            names = sorted(action.option_strings, key=lambda name: name.startswith("--"), reverse=True)
            yield action.dest, Option(names[0] if names else "", flag=bool(names) and action.nargs == 0)
