"""A backend that lives in a process of its own: for SDKs that patch libraries, print, or start threads and services.

Weights & Biases, Trackio, Comet and ClearML each take one to two seconds to import, change the process they are
imported into, and have one "current run" that may be the user's own. So their backends are guests: the records go
to a helper process, the SDK is imported there, and what it does to its process touches nobody.
"""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from autotrack.backends.base import Backend, BackendContext
from autotrack.entry_points import load
from autotrack.errors import AutotrackError, MissingDependencyError, RetryableError, StoreUnavailableError
from autotrack.helper_process import HelperProcess
from autotrack.records import AnyRecord

PATIENCE = 10.0
"""Seconds that a guest gets to close; what it has taken, it has written down before."""
_hosted: list[Backend] = []
"""In the helper process: the one backend that it hosts."""


class Refusal(msgspec.Struct):
    """Why a request was not met.

    Attributes:
        kind: "missing", "later", "unavailable" or "refused".
        package: For "missing": the package, and the extra that brings it.
        retry_after: For "later", as in `RetryableError`.
    """

    kind: str
    message: str = ""
    package: tuple[str, str] = ("", "")
    retry_after: float | None = None


class GuestBackend:
    """Hands records to a backend in another process.

    Args:
        place: Its class, as "module:name"; it takes `url` and `context`.
        url: Its target.
        context: Where the files of runs are.

    Raises:
        MissingDependencyError: Its package is not installed.
        StoreUnavailableError: The URL means nothing to it.
        RetryableError: No process can be started now.
    """

    def __init__(self, place: str, url: str, context: BackendContext) -> None:
        self._opening = (place, url, str(context.home), str(context.artifacts))
        self._helper: HelperProcess | None = None
        self._open()

    def _open(self) -> HelperProcess:
        if self._helper is None:
            try:
                self._helper = HelperProcess("autotrack.backends.guest:answer")
            except OSError as error:
                raise RetryableError(f"cannot start a process for {self._opening[0]}: {error}") from error
            try:
                self._ask(self._helper, "open", self._opening)
            except AutotrackError:
                self.close()
                raise
        return self._helper

    def _ask(self, helper: HelperProcess, verb: str, argument: Any) -> None:
        try:
            answer = helper.ask((verb, argument))
        except OSError as error:
            self.close()
            raise RetryableError(f"{self._opening[0]}: {error}; it is started again") from error
        if answer is not True:
            raise _error(msgspec.convert(answer, Refusal))

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Hand records over; they are taken when this returns.

        Raises:
            RetryableError: The other side wants them later, or its process has ended.
            AutotrackError: The other side refuses them.
        """
        self._ask(self._open(), "write", msgspec.msgpack.encode(list(records)))

    def flush(self) -> None:
        """Do nothing: a batch is written down when `write` returns."""

    def close(self) -> None:
        """End the process."""
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.close(PATIENCE)


def _error(refusal: Refusal) -> AutotrackError:
    match refusal.kind:
        case "missing":
            return MissingDependencyError(*refusal.package)
        case "later":
            return RetryableError(refusal.message, refusal.retry_after)
        case "unavailable":
            return StoreUnavailableError(refusal.message)
        case _:
            return AutotrackError(refusal.message)


def answer(request: tuple[str, Any]) -> Any:
    """Do what the other process asks; called in the helper process.

    Returns:
        True, or a `Refusal`.
    """
    verb, argument = request
    try:
        if verb == "open":
            _host(*argument)
        else:
            _hosted[0].write(msgspec.msgpack.decode(argument, type=list[AnyRecord]))
    except MissingDependencyError as error:
        return Refusal("missing", package=(error.package, error.extra))
    except RetryableError as error:
        return Refusal("later", str(error), retry_after=error.retry_after)
    except OSError as error:  # a disk that is full, a connection that broke
        return Refusal("later", str(error))
    except StoreUnavailableError as error:
        return Refusal("unavailable", str(error))
    except Exception as error:  # noqa: BLE001 - it is raised again on the other side
        return Refusal("refused", f"{type(error).__name__}: {error}")
    return True


def _host(place: str, url: str, home: str, artifacts: str) -> None:
    backend = load(place)(url, BackendContext(home=Path(home), artifacts=Path(artifacts)))
    _hosted.append(backend)
    atexit.register(backend.close)
