"""Read a filter: tokens become the tree of `syntax.py`, or an error that points at the mistake.

filter      = conjunction { "or" conjunction }
conjunction = negation { "and" negation }
negation    = "not" negation | "(" filter ")" | predicate
predicate   = field ( operator value | "is" ["not"] ( "null" | "nan" )
                    | ["not"] ( "like" value | "in" "(" value { "," value } ")" | "between" value "and" value ) )
field       = name [ "." key ] | statistic "(" metric ")"
"""

from __future__ import annotations

from autotrack.errors import FilterError
from autotrack.store.filters.fields import RUNS, STATISTICS, Mistake, closest, convert, resolve_field
from autotrack.store.filters.syntax import And, Field, Node, Not, Or, Ordering, Predicate, Value, Vocabulary
from autotrack.store.filters.tokens import TokenReader

MAX_LENGTH = 10_000
MAX_PREDICATES = 200
MAX_DEPTH = 50
_OPERATORS = {"==": "=", "!=": "=", "!~": "~"} | {sign: sign for sign in ("=", "<", "<=", ">", ">=", "~")}
_NEGATED = ("!=", "!~")
_WORDS = ("like", "ilike", "in", "between", "is", "not")
_CONSTANTS = {"true": True, "false": False, "inf": float("inf"), "infinity": float("inf")}


def parse_filter(text: str, vocabulary: Vocabulary = RUNS) -> Node | None:
    """Read a filter such as `metrics.val_acc > 0.9 and (params.C < 1 or tags.team = "x")`.

    Returns:
        Its tree, or None for an empty text.

    Raises:
        FilterError: It cannot be read; the message points at the place.
    """
    if not isinstance(text, str):
        raise FilterError('a filter is text such as "metrics.accuracy > 0.9"', repr(text), 0)
    if len(text) > MAX_LENGTH:
        raise FilterError(f"the filter is longer than {MAX_LENGTH:,} characters", text[:80], 79)
    parser = _Parser(text, vocabulary)
    if parser.at_end():
        return None
    tree = parser.disjunction()
    if not parser.at_end():
        hint = "; a date or text goes into quotes" if parser.next.kind == "number" else ""
        raise parser.expected(f'"and", "or" or the end{hint}')
    return tree


def parse_order(text: str, vocabulary: Vocabulary = RUNS) -> list[Ordering]:
    """Read an order such as `metrics.val_acc desc, start_time`.

    Raises:
        FilterError: It cannot be read.
    """
    parser = _Parser(text, vocabulary)
    terms: list[Ordering] = []
    while not parser.at_end():
        column = parser.next.column
        field = parser.field()
        if field.kind == "attribute" and field.key in vocabulary.unordered:
            raise parser.error(f"there may be more than one {field.key}: this cannot be sorted by it", column)
        terms.append(Ordering(field, parser.take_word("asc", "desc") == "desc"))
        if not parser.take_sign(",") and not parser.at_end():
            raise parser.expected('"asc", "desc", "," or the end')
    return terms


class _Parser(TokenReader):
    """A method for each rule of the grammar."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        super().__init__(text)
        self._vocabulary = vocabulary
        self._depth = 0
        self._predicates = 0

    def disjunction(self) -> Node:
        parts = [self._conjunction()]
        while self.take_word("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self) -> Node:
        parts = [self._negation()]
        while self.take_word("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} levels of parentheses and negations")
        node = self._negated_or_grouped()
        self._depth -= 1
        return node

    def _negated_or_grouped(self) -> Node:
        if self.take_word("not"):
            return Not(self._negation())
        if self.take_sign("("):
            inner = self.disjunction()
            self.expect_sign(")", "to close the parenthesis")
            return inner
        return self._predicate()

    def _predicate(self) -> Node:
        self._predicates += 1
        if self._predicates > MAX_PREDICATES:
            raise self.error(f"more than {MAX_PREDICATES} comparisons")
        field = self.field()
        if self.next.kind == "sign" and self.next.text in _OPERATORS:
            sign = self.take().text
            operator = _OPERATORS[sign]
            return Predicate(field, operator, (self._value(field, operator),), negated=sign in _NEGATED)
        if self.take_word("is"):
            return self._is(field)
        return self._worded(field, negated=bool(self.take_word("not")))

    def _is(self, field: Field) -> Node:
        column = self.next.column
        negated = bool(self.take_word("not"))
        what = self.take_word("null", "nan")
        if not what:
            raise self.expected('"null" or "nan"')
        if what == "null":
            return Predicate(field, "exists") if negated else Not(Predicate(field, "exists"))
        if field.kind != "metric":
            raise self.error("only metrics can be nan", column)
        return Predicate(field, "nan", negated=negated)

    def _worded(self, field: Field, *, negated: bool) -> Node:
        operator = self.take_word("like", "ilike", "in", "between")
        if not operator:
            word = self.next.text if self.next.kind == "word" else ""
            raise self.expected(f"a comparison such as =, <, in or like{closest(word, _WORDS)}")
        if operator == "in":
            return Predicate(field, operator, self._values(field), negated=negated)
        values = [self._value(field, operator)]
        if operator == "between":
            if not self.take_word("and"):
                raise self.expected('"and" between the two bounds')
            values.append(self._value(field, operator))
        return Predicate(field, operator, tuple(values), negated=negated)

    def _values(self, field: Field) -> tuple[Value, ...]:
        self.expect_sign("(", "before the values")
        values = [self._value(field, "in")]
        while self.take_sign(","):
            values.append(self._value(field, "in"))
        self.expect_sign(")", "after the values")
        return tuple(values)

    def field(self) -> Field:
        token = self.next
        if token.kind != "word":
            raise self.expected("a field such as metrics.loss, params.C, tags.team or status")
        self.take()
        if token.text.lower() in STATISTICS and token.key is None and self.take_sign("("):
            inner = self.field()
            if inner.kind != "metric":
                raise self.error(f"{token.text}(...) is for metrics only", token.column)
            self.expect_sign(")", "after the metric")
            return Field("metric", inner.key, token.text.lower())
        try:
            return resolve_field(token.text, token.key, self._vocabulary)
        except Mistake as mistake:
            raise self.error(str(mistake), token.column) from None

    def _value(self, field: Field, operator: str) -> Value:
        column = self.next.column
        value = self._literal()
        try:
            return convert(field, operator, value, self._vocabulary)
        except Mistake as mistake:
            raise self.error(str(mistake), column) from None

    def _literal(self) -> Value:
        negative = self.take_sign("-")
        token = self.next
        word = token.text.lower() if token.kind == "word" and token.key is None else ""
        if negative and not word.startswith("inf"):
            raise self.expected("a number")
        if word in {"null", "none", "nan"}:
            raise self.error(f'nothing is equal to {word}; write "is {word.replace("none", "null")}"')
        if word not in _CONSTANTS and token.kind not in {"number", "text"}:
            raise self.expected("a number or a text in quotes")
        self.take()
        if word:
            return -_CONSTANTS[word] if negative else _CONSTANTS[word]
        return token.text if token.kind == "text" else float(token.text)
