"""Learn the arguments of programs made with hydra, fire and absl."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from autotrack.capture.program import Option, is_command_line, remember
from autotrack.integration import Integration, Patcher, UnsupportedLibraryError
from autotrack.shield import shielded


class HydraHook(Integration):
    """Watch `run_job`, which has the composed configuration of each job; keys are written as hydra's overrides are."""

    name = "hydra.core.utils"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap it where it is defined, and wherever its name was taken to."""

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def run_job(task_function: Any, config: Any, *args: Any, **kwargs: Any) -> Any:
                if patcher.live:
                    with shielded("the configuration of hydra"):
                        _remember_configuration(config)
                return original(task_function, config, *args, **kwargs)

            return run_job

        original = module.run_job
        patcher.wrap(module, "run_job", make)
        for name, holder in list(sys.modules.items()):
            if name.startswith("hydra.") and vars(holder).get("run_job") is original:
                patcher.replace(holder, "run_job", module.run_job)


class FireHook(Integration):
    """Watch the parsers that fire makes for functions: they know which arguments a call gets."""

    name = "fire.core"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap the maker of parsers."""
        if not hasattr(module, "_MakeParseFn"):
            raise UnsupportedLibraryError("fire.core has no _MakeParseFn")

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def make_parser(fn: Any, metadata: Any) -> Any:
                parse = original(fn, metadata)

                def watched(arguments: Any) -> Any:
                    found = parse(arguments)
                    if patcher.live:
                        with shielded("the arguments of fire"):
                            _remember_call(fn, *found[0])
                    return found

                return watched

            return make_parser

        patcher.wrap(module, "_MakeParseFn", make)


class AbslHook(Integration):
    """Watch `FLAGS(argv)`: the flags of the program's own module, and the others that were given."""

    name = "absl.flags"
    requires = ""

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Wrap the call that parses."""

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def parse(self: Any, argv: Any, *args: Any, **kwargs: Any) -> Any:
                found = original(self, argv, *args, **kwargs)
                if patcher.live and is_command_line(list(argv)[1:]):
                    with shielded("the flags of absl"):
                        flags = list(_own_flags(self, argv[0]))
                        options = {flag.name: Option(f"--{flag.name}") for flag in flags}
                        remember({flag.name: flag.value for flag in flags}, options)
                return found

            return parse

        patcher.wrap(module.FlagValues, "__call__", make)


def _remember_configuration(config: Any) -> None:
    omegaconf = sys.modules["omegaconf"].OmegaConf
    own = omegaconf.masked_copy(config, [key for key in config if key != "hydra"])
    values = dict(_flat(omegaconf.to_container(own, resolve=False)))
    remember(values, {name: Option(name) for name in values})


def _flat(values: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _remember_call(function: Any, args: Any, kwargs: Any) -> None:
    signature = inspect.signature(function)
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    values: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if kinds[name] is inspect.Parameter.VAR_KEYWORD:
            values |= value
        elif kinds[name] is not inspect.Parameter.VAR_POSITIONAL or value:
            values[name] = value
    remember(values, {name: Option(f"--{name}") for name in values})


def _own_flags(flags: Any, program: str) -> list[Any]:
    """Return the flags of the main module, and of others those that stand on the command line."""
    own = {flag.name: flag for flag in flags.get_key_flags_for_module(program)}
    given = {name: flags[name] for name in flags if flags[name].present}
    return list({**own, **given}.values())
