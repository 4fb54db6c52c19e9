"""Run an observer around one call, so that whatever it does, the library is called once and the user sees only that.

An observer is a generator with exactly one `yield`, the place where the library's own function runs. It never calls
the library itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextvars import Token
from typing import Any, NamedTuple, Protocol

from autotrack import courtesy
from autotrack.active import is_paused
from autotrack.patching import nesting
from autotrack.patching.call import Call, CallFailedError, WrongArgumentsError
from autotrack.shield import contain

Observer = Callable[[Call], Iterator[None]]


class Arguments(NamedTuple):
    """Arguments of a call as the user gave them, and whether it is observed inside other tracked calls too."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    nested: bool = False


class Switch(Protocol):
    """Who observes, and whether it still does."""

    source: str
    live: bool


def begin(switch: Switch, function: Callable[..., Any], observer: Observer, arguments: Arguments) -> Observation | None:
    """Start to observe a call; None where it is not to be observed, or we cannot. Never raises an error of ours."""
    try:
        if not switch.live or is_paused():
            return None
        parent = nesting.active_call()
        if parent is not None and not arguments.nested and not _is_one_call(parent, function):
            return None
        call = Call(switch.source, function, arguments.args, arguments.kwargs, parent)
        return _started(Observation(call, observer))
    except Exception as error:
        contain(error, f"observing {name_of(function)}")
        return None


def _is_one_call(outer: Call, function: Callable[..., Any]) -> bool:
    """Say whether `outer` is this very outermost call, seen by another integration that wrapped our wrapper."""
    if getattr(outer.function, "__wrapped__", None) is not function:
        return False
    return outer.parent is None or _is_one_call(outer.parent, outer.function)


def _started(observation: Observation) -> Observation:
    try:
        observation.start()
        return observation  # noqa: TRY300 - here an interrupt finds us still inside
    except BaseException:
        observation.leave()
        raise


class Observation:
    """An observer at work on one call.

    Args:
        call: The call.
        observer: What to do around it.
    """

    __slots__ = ("_generator", "_misfit", "_started", "_token", "call")

    def __init__(self, call: Call, observer: Observer) -> None:
        self.call = call
        self._generator: Iterator[None] | None = observer(call)
        self._misfit: WrongArgumentsError | None = None
        self._started = 0.0
        if call.parent is None:
            courtesy.training_begins(call)
        self._token: Token[Call | None] | None = nesting.enter(call)

    def start(self) -> None:
        """Run the observer up to its yield; if it fails, the call goes on unobserved with the user's arguments."""
        call = self.call
        call.phase_started = time.perf_counter()
        args, kwargs = call.args, call.kwargs
        try:
            next(self._generator)  # type: ignore[arg-type]
        except StopIteration:  # it chose not to observe this call
            self._generator = None
        except Exception as error:
            self._generator = None
            call.args, call.kwargs = args, kwargs
            if isinstance(error, WrongArgumentsError):  # the user's mistake; it is ours only if the library takes them
                self._misfit = error.with_traceback(None)
            else:
                self._contain(error)
        self._started = time.perf_counter()
        call.caller_seconds = self._started - call.phase_started

    def succeed(self, result: object) -> None:
        """Let the observer see the result."""
        try:
            self._finish(result, None)
            if self._misfit is not None:
                self._contain(self._misfit)
        except Exception as failure:
            self.leave()
            self._contain(failure)

    def fail(self, error: BaseException) -> None:
        """Let the observer know that the library raised; the exception itself stays as it is."""
        try:
            state = error.__traceback__, error.__context__, error.__cause__, error.__suppress_context__
            try:
                self._finish(None, error)
            finally:
                error.__traceback__, error.__context__, error.__cause__, error.__suppress_context__ = state
        except Exception as failure:
            self.leave()
            self._contain(failure)

    def _finish(self, result: object, error: BaseException | None) -> None:
        call = self.call
        call.phase_started = time.perf_counter()
        call.seconds = call.phase_started - self._started
        call.result, call.error = result, error
        failure = CallFailedError() if error is not None else None
        try:
            if self._generator is not None:
                self._resume(self._generator, failure)
        finally:
            call.error = None  # else the traceback, this call and its frame would keep each other alive
            if failure is not None:
                failure.__traceback__ = failure.__context__ = None
            self.leave()

    def _resume(self, generator: Iterator[None], failure: CallFailedError | None) -> None:
        try:
            if failure is None:
                next(generator)
            else:
                generator.throw(failure)  # type: ignore[attr-defined]
        except (StopIteration, CallFailedError):
            return
        generator.close()  # type: ignore[attr-defined]
        raise RuntimeError("an observer must yield exactly once")

    def leave(self) -> None:
        """Let the next call be an outermost one again; leaving twice does no harm."""
        self.call.under_way = False
        self.call.pop_run()  # where an error of ours kept `Call.run` from doing so
        token, self._token = self._token, None
        if token is not None:
            nesting.leave(token)
        self.call.forget()
        courtesy.training_ends(self.call)

    def _contain(self, error: Exception) -> None:
        contain(error, f"observing {self.call.source} {name_of(self.call.function)}", self.call.note)


def name_of(function: Callable[..., Any]) -> str:
    """Return what to call a function; one that the user hands over may be any object that can be called."""
    return str(getattr(function, "__qualname__", type(function).__qualname__))
