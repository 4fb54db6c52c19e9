"""The headers of every response: what a browser may do with it."""

from __future__ import annotations

from collections.abc import Mapping

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


def security_headers(already: Mapping[str, str], *, framed: bool) -> dict[str, str]:
    """Give the headers to add to a response, less those that it has set itself.

    Args:
        already: The response's own.
        framed: Whether the page may stand inside a notebook of this machine.
    """
    policy = _POLICY.format(ancestors=_NOTEBOOKS if framed else "'none'")
    wanted = {**_ALWAYS, "content-security-policy": policy}
    if framed:
        wanted["cross-origin-resource-policy"] = "same-site"
    return {name: value for name, value in wanted.items() if name not in already}
