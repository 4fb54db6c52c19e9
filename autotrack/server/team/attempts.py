"""How many wrong passwords there were, for each name and from each address: too many, and no more are looked at.

The counts lie in memory that all processes of a machine share, in a table of fixed size, so that nobody can make it
grow or push others out. Its places are found by a keyed hash: what falls into one place is counted together, which is
rare, and cannot be brought about from outside. A count drains as a leaky bucket does, whether or not anybody asks.
"""

from __future__ import annotations

import hashlib
import ipaddress
import multiprocessing
import secrets
import threading
import time
from typing import Any, NamedTuple

PLACES = 1 << 16
_HOST_BITS = 64  # of an IPv6 address, which one household has to itself


class Limit(NamedTuple):
    """So many wrong passwords at once, and then one in so many seconds."""

    burst: int
    seconds: float


OF_NAME = Limit(10, 30.0)
OF_ADDRESS = Limit(100, 3.0)


class Attempts:
    """The counts. Safe to use from any thread, and to hand to a new process."""

    def __init__(self, memory: Any = None, key: bytes = b"") -> None:
        self._memory = multiprocessing.get_context("spawn").RawArray("d", 2 * PLACES) if memory is None else memory
        self._key = key or secrets.token_bytes(32)
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Attempts], tuple[Any, bytes]]:
        """Let a new process share the memory."""
        return Attempts, (self._memory, self._key)

    def begin(self, name: str, address: str) -> float:
        """Count an attempt before it is looked at, so that many at once count too.

        Returns:
            0, or the seconds to wait; then nothing was counted.
        """
        counts = ((self._place("name", name), OF_NAME), (self._place("address", _network(address)), OF_ADDRESS))
        now = time.monotonic()
        with self._lock:
            levels = [(place, limit, self._level(place, limit, now)) for place, limit in counts]
            wait = max((level + 1 - limit.burst) * limit.seconds for _, limit, level in levels)
            if wait > 0:
                return wait
            for place, _, level in levels:
                self._memory[place], self._memory[place + 1] = level + 1, now
        return 0.0

    def succeeded(self, name: str, address: str) -> None:
        """Forget what was wrong with a name, and the attempt from an address that was right."""
        where = self._place("address", _network(address))
        with self._lock:
            self._memory[self._place("name", name)] = 0.0
            self._memory[where] = max(0.0, self._memory[where] - 1)

    def _place(self, kind: str, what: str) -> int:
        digest = hashlib.blake2b(
            f"{kind}:{what}".encode("utf-8", "surrogatepass"), key=self._key, digest_size=8
        ).digest()
        return int.from_bytes(digest, "big") % PLACES * 2

    def _level(self, place: int, limit: Limit, now: float) -> float:
        level, since = self._memory[place], self._memory[place + 1]
        return float(max(0.0, level - (now - since) / limit.seconds))


def _network(address: str) -> str:
    """Return what one person has of addresses: one, or of IPv6 a network of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if found.version == 4 else str(ipaddress.ip_network((int(found), 128 - _HOST_BITS), strict=False))
