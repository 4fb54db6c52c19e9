"""MLflow's search syntax, read into the trees that the store compiles: `metrics.loss < 1 and tags.team = 'x'`.

Comparisons joined by AND, and nothing else: no OR, no parentheses but around lists, as in MLflow itself. Keys may stand
in backticks or double quotes. What can be compared with what is said by a `Grammar` for each kind of search.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from autotrack import names
from autotrack.server.mlflow_api.messages import MILLISECOND, STATUSES
from autotrack.server.mlflow_api.protocol import ProtocolError
from autotrack.server.mlflow_api.tokens import Tokens
from autotrack.store.filters.syntax import And, Field, Node, Not, Ordering, Predicate, Span, Value
from autotrack.store.patterns import PATTERN_LENGTH, like_to_regex

TEXT, TIME, NUMBER, STATUS = "text", "time", "number", "status"
_KINDS = {
    **dict.fromkeys(("metric", "metrics"), "metric"),
    **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
    **dict.fromkeys(("tag", "tags"), "tag"),
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
    **dict.fromkeys(("dataset", "datasets"), "dataset"),
}
_NUMERIC = ("=", "!=", "<", "<=", ">", ">=")
_TEXTUAL = ("=", "!=", "LIKE", "ILIKE")


class Attribute(NamedTuple):
    """A field that is no tag, parameter or metric.

    Attributes:
        column: Its name in the store's `Subject`.
        type: `TEXT`, `TIME` (milliseconds), `NUMBER` or `STATUS`.
        lists: Whether it can be compared with a list.
    """

    column: str
    type: str = TEXT
    lists: bool = False


class Grammar(msgspec.Struct, frozen=True):
    """What a search can speak of.

    Attributes:
        attributes: By name.
        kinds: Which of "metric", "param", "tag" and "dataset" there are.
        columns: Tags that are attributes in the store.
        hidden: Tag of what is found only by who asks for the tag; "not equal" finds also what has no such tag.
    """

    attributes: Mapping[str, Attribute]
    kinds: tuple[str, ...] = ()
    columns: Mapping[str, str] = {}
    hidden: str = ""


_START, _NAME = Attribute("start_time", TIME), Attribute("run_name")
RUNS = Grammar(
    {
        "run_id": Attribute("run_id", lists=True),
        "status": Attribute("status", STATUS),
        "user_id": Attribute("user_id"),
        "artifact_uri": Attribute("artifact_uri"),
        "end_time": Attribute("end_time", TIME),
        **dict.fromkeys(("start_time", "created", "Created"), _START),
        **dict.fromkeys(("run_name", "run name", "Run name", "Run Name"), _NAME),
    },
    ("metric", "param", "tag", "dataset"),
    {names.RUN_NAME: "run_name", names.PARENT_RUN_ID: "parent"},
)
EXPERIMENTS = Grammar(
    {
        "name": Attribute("name"),
        "experiment_id": Attribute("experiment_id", NUMBER),
        "creation_time": Attribute("creation_time", TIME),
        "last_update_time": Attribute("last_update_time", TIME),
    },
    ("tag",),
)
_DATASETS = {name: Attribute(f"dataset_{name}", lists=True) for name in ("name", "digest", "context")}


class _Target(NamedTuple):
    field: Field
    type: str
    lists: bool


def parse_filter(text: str, grammar: Grammar) -> Node | None:
    """Read a filter; None where it is empty.

    Raises:
        ProtocolError: It cannot be read.
    """
    tokens = Tokens(text)
    parts: list[Node] = []
    while tokens.peek():
        if parts and not tokens.takes("AND"):
            raise ProtocolError(f"comparisons are joined by AND; the filter has {tokens.peek()[:80]!r}")
        parts.append(_comparison(tokens, grammar))
    if grammar.hidden and grammar.hidden not in text:
        parts.append(Not(Predicate(Field("tag", grammar.hidden), "=", ("true",))))
    return And(tuple(parts)) if parts else None


def parse_order(terms: list[str], grammar: Grammar) -> list[Ordering]:
    """Read what results are sorted by.

    Raises:
        ProtocolError: It cannot be read.
    """
    order = []
    for term in terms:
        tokens = Tokens(term)
        target = _target(tokens.take("name"), grammar)
        descending = tokens.takes("DESC") or (tokens.takes("ASC") and False)
        if tokens.peek() or target.field.key.startswith("dataset_"):
            raise ProtocolError(f"results cannot be sorted by {term[:80]!r}")
        order.append(Ordering(target.field, descending))
    return order


def _comparison(tokens: Tokens, grammar: Grammar) -> Node:
    target = _target(tokens.take("name"), grammar)
    if tokens.takes("IS"):
        negated = tokens.takes("NOT")
        if not tokens.takes("NULL") or target.field.kind not in {"param", "tag"}:
            raise ProtocolError("IS NULL and IS NOT NULL are for tags and params")
        exists = Predicate(target.field, "exists")
        return exists if negated else Not(exists)
    negated = tokens.takes("NOT")
    if tokens.takes("IN"):
        return _statuses(Predicate(target.field, "in", _list(tokens, target), negated), target)
    operator = tokens.take("sign", "name").upper()
    if negated or operator not in (_NUMERIC if target.type in {NUMBER, TIME} else _TEXTUAL):
        raise ProtocolError(f"{operator[:20]!r} does not compare {target.field.key[:80]!r}")
    value = _value(tokens, target, operator)
    plain = "=" if operator == "!=" else operator.lower()
    if operator == "!=" and grammar.hidden and target.field.key == grammar.hidden:
        return Not(Predicate(target.field, "=", (value,)))
    return _statuses(Predicate(target.field, plain, (value,), operator == "!="), target)


def _target(name: str, grammar: Grammar) -> _Target:
    """Find the field that a name stands for."""
    word, dot, key = name.partition(".") if name[0] not in '`"' else (name, "", "")
    if not dot:
        return _attribute(_unquoted(name), grammar)
    kind, key = _KINDS.get(_unquoted(word), ""), _unquoted(key)
    if kind == "attribute":
        return _attribute(key, grammar)
    if kind not in grammar.kinds or not key:
        raise ProtocolError(f"there is no field {name[:80]!r} here")
    if kind == "dataset":
        if key not in _DATASETS:
            raise ProtocolError("of a dataset there are name, digest and context")
        return _Target(Field("attribute", _DATASETS[key].column), TEXT, lists=True)
    if kind == "tag" and key in grammar.columns:
        return _Target(Field("attribute", grammar.columns[key]), TEXT, lists=False)
    return _Target(Field(kind, key), NUMBER if kind == "metric" else TEXT, lists=False)


def _attribute(name: str, grammar: Grammar) -> _Target:
    if name not in grammar.attributes:
        raise ProtocolError(f"there is no attribute {name[:80]!r} here; there are {', '.join(grammar.attributes)}")
    found = grammar.attributes[name]
    return _Target(Field("attribute", found.column), found.type, found.lists)


def _list(tokens: Tokens, target: _Target) -> tuple[Value, ...]:
    if not target.lists:
        raise ProtocolError(f"{target.field.key[:80]!r} cannot be compared with a list")
    values: list[Value] = []
    if not tokens.takes("("):
        raise ProtocolError("a list stands in parentheses")
    while not values or tokens.takes(","):
        values.append(_value(tokens, target, "="))
    if not tokens.takes(")"):
        raise ProtocolError("a list ends with a parenthesis")
    return tuple(values)


def _value(tokens: Tokens, target: _Target, operator: str) -> Value:
    if target.type in {NUMBER, TIME}:
        number = float(tokens.take("number"))
        if target.type == NUMBER:
            return int(number) if target.field.kind == "attribute" and number.is_integer() else number
        start = int(max(min(number * MILLISECOND, 9.2e18), -9.2e18))
        return Span(start, start + MILLISECOND)
    text = _unquoted(tokens.take("text", "name"), quotes="'\"")
    if operator in {"LIKE", "ILIKE"} and len(text) > PATTERN_LENGTH:
        raise ProtocolError(f"a pattern may have {PATTERN_LENGTH} characters")
    return text


def _statuses(node: Predicate, target: _Target) -> Predicate:
    """Compare MLflow's words for the status instead of ours: two of ours are one of theirs."""
    if target.type != STATUS:
        return node
    text = str(node.values[0])
    pattern = re.escape(text) if node.operator == "=" else like_to_regex(text, ignore_case=node.operator == "ilike")
    same = tuple(ours for ours, theirs in STATUSES.items() if re.fullmatch(pattern, theirs))
    return Predicate(node.field, "in", same or ("",), node.negated)


def _unquoted(text: str, quotes: str = "`\"'") -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in quotes:
        return text[1:-1]
    if quotes == "'\"":
        raise ProtocolError(f"a text stands in quotes; {text[:80]!r} does not")
    return text
