"""The proxies that this server believes: where a request really came from, and who the proxy says that it is from."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from autotrack.server.access import DeniedError

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Proxies:
    """What stands before the server.

    Args:
        trusted: Addresses or networks of proxies.
        header: In which they say who somebody is; empty where they do not.

    Raises:
        ValueError: One is no address.
    """

    def __init__(self, trusted: Iterable[str] = (), header: str = "") -> None:
        self._trusted: list[Network] = [ipaddress.ip_network(one, strict=False) for one in trusted]
        self._header = header

    def address_of(self, request: HTTPConnection) -> str:
        """Return the address that a request came from: the last one that no trusted proxy has."""
        found = _peer(request)
        for hop in reversed(",".join(request.headers.getlist("x-forwarded-for")).split(",")):
            if not self._trusts(found) or not hop.strip():
                break
            found = hop.strip()
        return str(_read(found) or found)

    def name_of(self, request: HTTPConnection) -> str | None:
        """Return the name of an account that a trusted proxy vouches for; None where it names none.

        Raises:
            DeniedError: Somebody else says so, or two names are given.
        """
        names = request.headers.getlist(self._header) if self._header else []
        if not names:
            return None
        if not self._trusts(_peer(request)):
            raise DeniedError(403, f"the header {self._header} is believed only from a trusted proxy")
        if len(names) > 1:
            raise DeniedError(403, f"the header {self._header} comes twice: the proxy must replace what clients send")
        return names[0].strip() or None

    def _trusts(self, address: str) -> bool:
        found = _read(address)
        return found is not None and any(found in network for network in self._trusted)


def _read(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address; one of IPv4 that a socket of IPv6 shows is that of IPv4."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _peer(request: HTTPConnection) -> str:
    return "" if request.client is None else request.client.host
