"""The headers of every response: what a browser may do with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
)
_NOTEBOOKS = "'self' http://localhost:* http://127.0.0.1:*"
SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""The policy of files that runs logged: shown without scripts, in an origin of their own, with nothing loaded."""

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), usb=()",
    "cache-control": "no-store",
}


RawHeaders: TypeAlias = list[tuple[bytes, bytes]]
"""As ASGI has them: names in small letters."""


def _headers(*, framed: bool) -> RawHeaders:
    wanted = {**_ALWAYS, "content-security-policy": _POLICY.format(ancestors=_NOTEBOOKS if framed else "'none'")}
    if framed:
        wanted["cross-origin-resource-policy"] = "same-site"
    return [(name.encode(), value.encode()) for name, value in wanted.items()]


_FRAMED, _ALONE = _headers(framed=True), _headers(framed=False)


def security_headers(already: Iterable[tuple[bytes, bytes]], *, framed: bool) -> RawHeaders:
    """Give the headers to add to a response, less those that it has set itself.

    Args:
        already: The response's own.
        framed: Whether the page may stand inside a notebook of this machine.
    """
    own = {name.lower() for name, _ in already}
    return [header for header in (_FRAMED if framed else _ALONE) if header[0] not in own]
