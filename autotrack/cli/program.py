"""Run a user's script or module in this process as if Python itself had started it."""

from __future__ import annotations

import atexit
import builtins
import importlib.util
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import Any

import click


class Program:
    """A script or module with its arguments.

    Args:
        name: Path of the script, or name of the module.
        arguments: What stands behind it on the command line.
        is_module: Whether `name` is a module.

    Raises:
        click.UsageError: There is no such script.
    """

    def __init__(self, name: str, arguments: Sequence[str], *, is_module: bool) -> None:
        self._name = name
        self._arguments = list(arguments)
        self._is_module = is_module
        self._interrupted = False
        if not is_module:
            _check_script(name)

    def run(self, finished: Callable[[BaseException | None], None]) -> None:
        """Run it to its end.

        A traceback shows no frame of ours. After Ctrl-C the process dies of the signal, as Python does.

        Args:
            finished: Called at the end with the exception that ended the program, or None.

        Raises:
            SystemExit: Always: with what the program asked for, or the status that Python gives it.
        """
        atexit.register(self._die_of_interrupt)  # the first one registered is the last one called
        main = ModuleType("__main__")
        vars(main)["__builtins__"] = builtins
        if sys.version_info < (3, 14):
            vars(main)["__annotations__"] = {}
        sys.modules["__main__"] = main
        error = self._execute(main)
        if isinstance(error, SystemExit):
            finished(error)
            raise error
        if error is not None:
            _print_exception(error, main)
        finished(error)
        self._interrupted = isinstance(error, KeyboardInterrupt)
        sys.exit(0 if error is None else 130 if self._interrupted else 1)

    def _execute(self, main: ModuleType) -> BaseException | None:
        """Run it and return what ended it: outside of `except` it is nobody's context any more."""
        try:
            exec(self._load(main), vars(main))  # noqa: S102 - the user's own program
        except BaseException as error:  # noqa: BLE001 - Python, too, reports whatever ends a program
            return error
        return None

    def _load(self, main: ModuleType) -> CodeType:
        """Fill in what the program sees of itself, and compile it."""
        if self._is_module:
            _set_first_path(os.getcwd())
            spec = _find_module(self._name)
            sys.argv = [str(spec.origin), *self._arguments]
            return _load_module(spec, main)
        path = os.path.abspath(self._name)
        _set_first_path(os.path.dirname(os.path.realpath(self._name)))
        sys.argv = [self._name, *self._arguments]
        loader = SourceFileLoader("__main__", path)
        main.__dict__.update(__file__=path, __cached__=None, __loader__=loader, __package__=None, __spec__=None)
        return loader.source_to_code(loader.get_data(path), path)

    def _die_of_interrupt(self) -> None:
        if self._interrupted and os.name == "posix":
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)


def _check_script(name: str) -> None:
    try:
        with open(name, "rb") as file:
            file.read(1)
    except OSError as error:
        raise click.UsageError(f"cannot open {name!r}: {error.strerror}") from None  # the exit code is Python's own, 2


def _set_first_path(folder: str) -> None:
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = folder


def _find_module(name: str) -> ModuleSpec:
    """Find a module, or the `__main__` of a package."""
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        spec = None
    if spec is None or spec.loader is None:
        click.echo(f"{sys.executable}: No module named {name}", err=True)
        sys.exit(1)
    return spec


def _load_module(spec: ModuleSpec, main: ModuleType) -> CodeType:
    loader: Any = spec.loader
    code: CodeType | None = loader.get_code(spec.name)
    if code is None:
        click.echo(f"{sys.executable}: No code object available for {spec.name}", err=True)
        sys.exit(1)
    main.__dict__.update(
        __file__=spec.origin, __cached__=spec.cached, __loader__=loader, __package__=spec.parent, __spec__=spec
    )
    return code


def _print_exception(error: BaseException, main: ModuleType) -> None:
    """Report an exception through the hook in force, beginning with the program's own first frame."""
    frames = _from_program(error.__traceback__, main)
    error.__traceback__ = frames
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, frames
    try:
        sys.excepthook(type(error), error, frames)
    except SystemExit:
        raise
    except BaseException as problem:  # noqa: BLE001 - what Python does when a user's hook is broken
        click.echo("Error in sys.excepthook:", err=True)
        trace = problem.__traceback__
        traceback.print_exception(problem.with_traceback(trace.tb_next if trace else None))
        click.echo("\nOriginal exception was:", err=True)
        sys.__excepthook__(type(error), error, frames)


def _from_program(frames: TracebackType | None, main: ModuleType) -> TracebackType | None:
    while frames is not None and frames.tb_frame.f_globals is not main.__dict__:
        frames = frames.tb_next
    return frames
