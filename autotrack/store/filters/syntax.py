"""What a filter says, as a tree."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Span(msgspec.Struct, frozen=True):
    """A time as written: from `start` up to, not including, `end`, in nanoseconds since the epoch. A date is a day."""

    start: int
    end: int


Value: TypeAlias = float | str | bool | Span


class Vocabulary(msgspec.Struct, frozen=True):
    """What a filter can speak of.

    Attributes:
        attributes: Type of each attribute: "text", "number" or "time".
        words: The values of an attribute that can have only these; they may be written in any case.
        kinds: Which of "metric", "param" and "tag" there are.
        unordered: Attributes that cannot be sorted by, because there may be several of one.
    """

    attributes: dict[str, str]
    words: dict[str, tuple[str, ...]] = {}
    kinds: tuple[str, ...] = ("metric", "param", "tag")
    unordered: tuple[str, ...] = ()


class Field(msgspec.Struct, frozen=True):
    """What is compared.

    Attributes:
        kind: "metric", "param", "tag" or "attribute".
        key: Key, or name of the attribute.
        statistic: For a metric, which number of its series: "last", "min", "max", "mean" or "count".
    """

    kind: str
    key: str
    statistic: str = "last"


class Predicate(msgspec.Struct, frozen=True):
    """A question about one field. It is false where the run does not have the field, negated or not.

    Attributes:
        operator: One of = < <= > >= like ilike ~ (one value), "in" (any number), "between" (two), or "nan" and
            "exists" (none).
    """

    field: Field
    operator: str
    values: tuple[Value, ...] = ()
    negated: bool = False


class Not(msgspec.Struct, frozen=True):
    """True where `part` is false."""

    part: Node


class And(msgspec.Struct, frozen=True):
    """All of the parts."""

    parts: tuple[Node, ...]


class Or(msgspec.Struct, frozen=True):
    """At least one of the parts."""

    parts: tuple[Node, ...]


Node: TypeAlias = Predicate | Not | And | Or


class Ordering(msgspec.Struct, frozen=True):
    """One term of an order."""

    field: Field
    descending: bool
