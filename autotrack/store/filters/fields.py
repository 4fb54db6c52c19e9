"""Which fields there are, and which values and operators go with each. What is wrong is said as a plain reason."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from autotrack.records import STATUSES
from autotrack.store.filters.syntax import Field, Span, Value, Vocabulary
from autotrack.store.patterns import PATTERN_LENGTH, repeats_a_repeat

KINDS = {
    **dict.fromkeys(("metrics", "metric", "m"), "metric"),
    **dict.fromkeys(("params", "param", "parameters", "parameter", "p"), "param"),
    **dict.fromkeys(("tags", "tag", "t"), "tag"),
    **dict.fromkeys(("attributes", "attribute", "attr", "run"), "attribute"),
}
ATTRIBUTES = {
    **dict.fromkeys(("name", "id", "status", "experiment", "parent", "source"), "text"),
    **dict.fromkeys(("start_time", "end_time"), "time"),
    "duration": "number",
}
RUNS = Vocabulary(ATTRIBUTES, {"status": STATUSES})
"""What filters of runs speak of."""

STATISTICS = ("last", "min", "max", "mean", "count")
TEXT_OPERATORS = ("like", "ilike", "~")
_INT64 = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Mistake(Exception):  # noqa: N818 - the parser turns it into a FilterError, which knows the place
    """Why a field or a value is refused."""


def resolve_field(word: str, key: str | None, vocabulary: Vocabulary = RUNS) -> Field:
    """Give the field of `word` or `word.key`.

    Raises:
        Mistake: There is none.
    """
    kind = KINDS.get(word.lower())
    if kind is None:
        return _attribute(word, vocabulary) if key is None else _unknown(word, key)
    if key is None:
        raise Mistake(f"a key must follow {word!r}, as in {word}.<key>")
    if kind == "attribute":
        return _attribute(key, vocabulary)
    if kind not in vocabulary.kinds:
        raise Mistake(f"there are no {kind}s here; fields are {_fields(vocabulary)}")
    return Field(kind, key)


def type_of(field: Field, vocabulary: Vocabulary = RUNS) -> str:
    """Give "number", "text", "time" or, for a parameter, "any"."""
    return {"metric": "number", "param": "any", "tag": "text"}.get(field.kind) or vocabulary.attributes[field.key]


def convert(field: Field, operator: str, value: Value, vocabulary: Vocabulary = RUNS) -> Value:
    """Check that a value can be compared with a field, and give it the type in which it is.

    Raises:
        Mistake: It cannot.
    """
    expected = type_of(field, vocabulary)
    if operator in TEXT_OPERATORS:
        return _pattern(expected, operator, value)
    if isinstance(value, bool):
        if expected == "any" and operator in {"=", "in"}:
            return value
        raise Mistake("true and false can only be compared with parameters, by =, != or in")
    if expected == "number" and isinstance(value, str):
        raise Mistake("this is compared as a number; write the value without quotes")
    if expected == "text" and not isinstance(value, str):
        raise Mistake("this is compared as text; put the value into quotes")
    if expected == "time":
        return _span(value)
    words = vocabulary.words.get(field.key) if field.kind == "attribute" else None
    return value if words is None else _word(field.key, operator, value, words)


def closest(word: str, known: Iterable[str]) -> str:
    """Give a hint such as ` (did you mean "metrics"?)`, or nothing."""
    found = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f' (did you mean "{found[0]}"?)' if found else ""


def _attribute(word: str, vocabulary: Vocabulary) -> Field:
    name = word.lower()
    if name in vocabulary.attributes:
        return Field("attribute", name)
    raise Mistake(f"unknown field {word!r}{closest(name, vocabulary.attributes)}; fields are {_fields(vocabulary)}")


def _fields(vocabulary: Vocabulary) -> str:
    keyed = [f"{kind}s.<key>" for kind in vocabulary.kinds]
    return f"{', '.join(keyed)} and {', '.join(vocabulary.attributes)}"


def _unknown(word: str, key: str) -> Field:
    hint = closest(word, [kind for kind in KINDS if len(kind) > 1])
    raise Mistake(f"unknown field {word}.{key}{hint}; before the dot stands metrics, params or tags")


def _pattern(expected: str, operator: str, value: Value) -> str:
    if expected not in {"text", "any"}:
        raise Mistake(f"{operator} compares texts, and this is a {expected}")
    if not isinstance(value, str):
        raise Mistake(f"{operator} needs a text in quotes")
    if len(value) > PATTERN_LENGTH:
        raise Mistake(f"the pattern is longer than {PATTERN_LENGTH} characters")
    if operator == "~":
        try:
            re.compile(value)
        except (re.error, RecursionError, OverflowError) as error:
            raise Mistake(f"this is no regular expression: {error}") from None
        if repeats_a_repeat(value):
            raise Mistake("a group that repeats or has alternatives cannot itself be repeated: it may take forever")
    return value


def _word(key: str, operator: str, value: Value, words: Iterable[str]) -> Value:
    known = {word.lower(): word for word in words}
    wanted = str(value).lower()
    if operator in {"=", "in"} and wanted not in known:
        raise Mistake(f"unknown {key} {value!r}{closest(wanted, known)}; there are {', '.join(words)}")
    return known.get(wanted, wanted)


def _span(value: Value) -> Span:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", value.strip()))
        except ValueError:
            raise Mistake('this is no time; write "2026-11-20" or "2026-11-20T18:30:00"') from None
        whole_day = re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip()) is not None
        since = moment.replace(tzinfo=moment.tzinfo or timezone.utc) - _EPOCH
        start = since // timedelta(microseconds=1) * 1000
        return Span(_clamped(start), _clamped(start + (86_400 * 10**9 if whole_day else 1)))
    nanoseconds = float(value) * 1e9 if isinstance(value, int | float) else 0.0
    start = _clamped(int(max(min(nanoseconds, 1e19), -1e19)))
    return Span(start, _clamped(start + 1))


def _clamped(nanoseconds: int) -> int:
    return max(-_INT64, min(nanoseconds, _INT64))
