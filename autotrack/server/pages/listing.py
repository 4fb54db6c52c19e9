"""Lists on a page that may be longer than a browser can bear: the first ones, and a form that finds the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

LONGEST = 1_000
"""Rows of a list; ten thousand take a browser seconds, and nobody reads them."""


class Listing(msgspec.Struct, Generic[T], frozen=True):
    """What a page lists of something that has names.

    Attributes:
        shown: The first of them.
        total: How many there are.
        matching: How many of them have the wanted part in their name.
        wanted: That part, as the address gives it.
    """

    shown: Sequence[T]
    total: int
    matching: int
    wanted: str

    @property
    def cut(self) -> bool:
        """Whether there are more than a page bears, so that the server has to look for names."""
        return self.total > LONGEST


def matching_names(names: Iterable[str], wanted: str) -> list[str]:
    """Return the names that have a part, in any case of letters.

    Example:
        >>> matching_names(["Loss", "val_loss", "accuracy"], "loss")
        ['Loss', 'val_loss']
    """
    lowered = wanted.lower()
    return [name for name in names if lowered in name.lower()]


def listing_of(items: Sequence[T], total: int, wanted: str) -> Listing[T]:
    """Return the first of the items that match."""
    return Listing(items[:LONGEST], total, len(items), wanted)
