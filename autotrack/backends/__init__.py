"""Backends by URL: the scheme of a target says which class takes it, and only that class is imported."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from functools import partial
from typing import TypeAlias
from urllib.parse import urlsplit

from autotrack.backends.base import Backend, BackendContext
from autotrack.entry_points import entry_points, load
from autotrack.errors import UnknownBackendError

__all__ = ["Backend", "BackendContext", "check_target", "open_backend", "redact_url", "schemes"]

ENTRY_POINTS = "autotrack.backends"
"""Entry points by which packages offer backends: the name is the scheme, the object takes (url, context)."""

BUILT_IN = {
    "memory": "autotrack.contracts.memory:MemoryBackend.shared",
    "sqlite": "autotrack.backends.sql:SqlBackend",
    "postgresql": "autotrack.backends.sql:SqlBackend",
    "postgres": "autotrack.backends.sql:SqlBackend",
    "jsonl": "autotrack.backends.jsonl:JsonLinesBackend",
    "mlruns": "autotrack.backends.mlruns:MlrunsBackend",
    "clearml": "autotrack.backends.clearml:ClearMLBackend",
    "tensorboard": "autotrack.backends.tensorboard:open_tensorboard",
    "http": "autotrack.backends.mlflow:MlflowBackend",
    "https": "autotrack.backends.mlflow:MlflowBackend",
    "mlflow+http": "autotrack.backends.mlflow:MlflowBackend",
    "mlflow+https": "autotrack.backends.mlflow:MlflowBackend",
}
"""Where the class of each scheme is."""
GUESTS = {
    "comet": "autotrack.backends.comet:CometBackend",
    "trackio": "autotrack.backends.trackio:TrackioBackend",
    "wandb": "autotrack.backends.wandb.backend:WandbBackend",
}
"""Likewise, of those that live in a process of their own."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//|$|(?=[^\\/]))")
_Factory: TypeAlias = Callable[[str, BackendContext], Backend]


def open_backend(url: str | os.PathLike[str], context: BackendContext) -> Backend:
    """Open the backend that a target names.

    Args:
        url: A path, or a URL whose scheme is one of `schemes()`.
        context: Where the files of runs are.

    Raises:
        UnknownBackendError: No backend has this scheme.
    """
    target = os.fspath(url)
    return _find(target)(target, context)


def check_target(target: str) -> None:
    """Check that some backend takes a target, without opening it.

    Raises:
        UnknownBackendError: No backend has this scheme.
    """
    match = _SCHEME.match(target)
    if match is not None and match[1].lower() not in schemes():
        raise UnknownBackendError(_unknown(match[1].lower()))


def schemes() -> list[str]:
    """List all schemes, built in or offered by installed packages."""
    return sorted({*BUILT_IN, *GUESTS, *(name for name, _ in entry_points(ENTRY_POINTS))})


def redact_url(url: str) -> str:
    """Hide the password, and secrets among the query arguments, of a URL that will be shown or stored.

    Example:
        >>> redact_url("postgresql://me:secret@host/runs")
        'postgresql://me:***@host/runs'
    """
    if "://" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:  # an address that cannot be split may hide its password anywhere
        return url.split("://", 1)[0] + "://***"
    user, at, host = parts.netloc.rpartition("@")
    if ":" in user:
        user = user.split(":", 1)[0] + ":***"
    query = re.sub(r"(?i)((?:^|&)[^=&]*(?:key|token|secret|passw|auth|cred)[^=&]*=)[^&]*", r"\1***", parts.query)
    # Not `urlunsplit`: it makes another path of the four slashes in sqlite:////absolute/path.
    shown = url.replace(f"//{parts.netloc}", f"//{user}{at}{host}", 1) if parts.netloc else url
    return shown.replace(f"?{parts.query}", f"?{query}", 1) if parts.query else shown


def _find(target: str) -> _Factory:
    match = _SCHEME.match(target)
    if match is None:
        return load(BUILT_IN["sqlite"])  # type: ignore[no-any-return]
    scheme = match[1].lower()
    if scheme in GUESTS:
        return partial(load("autotrack.backends.guest:GuestBackend"), GUESTS[scheme])
    place = BUILT_IN.get(scheme) or dict(entry_points(ENTRY_POINTS)).get(scheme)
    if place is None:
        raise UnknownBackendError(_unknown(scheme))
    return load(place)  # type: ignore[no-any-return]


def _unknown(scheme: str) -> str:
    known = schemes()
    close = difflib.get_close_matches(scheme, known, n=1)
    hint = f" Did you mean {close[0]}://?" if close else ""
    return f"no backend takes {scheme}:// URLs.{hint} Known: a path, {', '.join(f'{name}://' for name in known)}"
