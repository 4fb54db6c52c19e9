"""One call into a library, as an observer sees it."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from autotrack.active import Prospect, active_run, pop, push, take_run
from autotrack.run import Run


class CallFailedError(Exception):
    """Raised inside an observer at its `yield` when the library raised; the library's exception is `call.error`.

    The exception itself never passes through an observer, so nothing can be added to its traceback or context.
    """


class WrongArgumentsError(TypeError):
    """The arguments of a call do not fit the function's signature."""


class Call:
    """One call of a patched function.

    An observer reads the arguments, may replace them for the library, and after its `yield` finds the result.

    Attributes:
        source: Name of the integration that observes.
        function: The library's own function.
        args: Positional arguments as the library will get them.
        kwargs: Keyword arguments as the library will get them.
        memo: Whatever an observer keeps for hooks of its own that run inside the call.
        parent: The tracked call this one runs in, if it does.
        result: What the library returned; set after the yield.
        error: What the library raised; set where the observer ends with `CallFailedError`.
        seconds: How long the library's call took; set after the yield.
        is_host: Calls inside it are no parts of it, but trainings in their own right; see `host`.
    """

    __slots__ = (
        "args",
        "caller_seconds",
        "error",
        "function",
        "is_host",
        "kwargs",
        "memo",
        "parent",
        "phase_started",
        "pushed",
        "result",
        "run_used",
        "seconds",
        "source",
        "under_way",
    )

    def __init__(
        self,
        source: str,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        parent: Call | None,
    ) -> None:
        self.source = source
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.parent = parent
        self.result: Any = None
        self.error: BaseException | None = None
        self.seconds = 0.0
        self.under_way = True
        self.run_used: Run | None = None
        self.memo: Any = None
        self.pushed: Run | Prospect | None = None
        self.is_host = False
        self.caller_seconds = 0.0
        self.phase_started = 0.0

    @property
    def instance(self) -> Any:
        """The object whose method was called."""
        return self.args[0]

    def arguments(self) -> dict[str, Any]:
        """Return all arguments by name, positionals and defaults included, without `self`; `**kwargs` are spread.

        Raises:
            WrongArgumentsError: They do not fit the signature; the library is about to say so itself.
        """
        args, kwargs = _without_surplus(self.function, self.args, self.kwargs)
        wanted = signature(self.function)
        try:
            bound = wanted.bind(*args, **kwargs)
        except TypeError as error:
            raise WrongArgumentsError(str(error)) from None
        bound.apply_defaults()
        found: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            if bound.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                found.update(value)
            else:
                found[name] = value
        found.pop("self", None)
        return found

    def replace(self, **changes: Any) -> None:
        """Give the library other values for some arguments; the user's own objects are never touched.

        All others stay in the form the user chose, positional or by name: a library may warn of one of the two.
        """
        positions = _names(self.function)
        args, kwargs = list(self.args), dict(self.kwargs)
        for name, value in changes.items():
            if name in positions[: len(args)]:
                args[positions.index(name)] = value
            else:
                kwargs[name] = value
        self.args, self.kwargs = tuple(args), kwargs

    @contextmanager
    def run(self, name: str | None = None, tags: dict[str, str] | None = None) -> Iterator[Run]:
        """Give the run this call logs into; it is the active run inside the block.

        Inside another tracked call that is its run. Else it is the user's own active run if no call used it yet, else a
        new run: a child of the user's active run, or a root. A new run ends with the block, with the status that the
        library's outcome stands for.
        """
        run, ours = self._choose_run(name, tags)
        self.run_used = run
        try:
            self._push(run)
            yield run
        except CallFailedError:
            self.add_overhead(run)
            if ours:
                run.end_with(self.error)
            raise
        else:
            self.add_overhead(run)
        finally:
            self.pop_run()
            if ours and run.status is None:
                run.end_with(self.error)  # an observer that failed itself hides no failure of the library

    def _push(self, run: Run) -> None:
        """Make the run the active one; the user's own that is active already stays where it is when the call ends."""
        if active_run() is not run:
            push(run)
            self.pushed = run

    def host(self, prospect: Prospect) -> None:
        """Let trainings inside this call be recorded as they are inside a run of the user's, which is `prospect`."""
        self.is_host = True
        self.pushed = prospect
        push(prospect)

    def pop_run(self) -> None:
        """Take back what `run` or `host` made the active run; doing so twice does no harm."""
        if self.pushed is not None:
            pop(self.pushed)
            self.pushed = None

    def forget(self) -> None:
        """Let go of the user's objects: threads that were started in the call remember it for longer."""
        self.args, self.kwargs, self.result, self.memo = (), {}, None, None

    def _choose_run(self, name: str | None, tags: dict[str, str] | None) -> tuple[Run, bool]:
        outer = self.parent
        while outer is not None:
            if outer.run_used is not None:
                return outer.run_used, False
            outer = outer.parent
        return take_run(name, source=self.source, tags=tags)

    def add_overhead(self, run: Run) -> None:
        """Put down to a run what the observer has taken of the caller's time so far."""
        run.overhead += self.caller_seconds + (time.perf_counter() - self.phase_started)

    def note(self, code: str, message: str) -> None:
        """Put a note on the run of this call, if it has one."""
        if self.run_used is not None:
            self.run_used.note(code, message, level="warning")


@functools.lru_cache(maxsize=4096)
def signature(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a library's function, computed once."""
    return inspect.signature(function)


def _names(function: Callable[..., Any]) -> list[str]:
    """Return the names of a function's parameters, but for `*args` and `**kwargs`."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [name for name, parameter in signature(function).parameters.items() if parameter.kind not in variadic]


def _without_surplus(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Name positional arguments beyond the positional parameters.

    Libraries that have made parameters keyword-only still take them by position for a while, with a warning.
    """
    parameters = signature(function).parameters.values()
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.VAR_POSITIONAL in kinds or inspect.Parameter.KEYWORD_ONLY not in kinds:
        return args, kwargs
    positional = kinds.index(inspect.Parameter.KEYWORD_ONLY)
    surplus = dict(zip(_names(function)[positional:], args[positional:], strict=False))
    return args[:positional], {**surplus, **kwargs}
