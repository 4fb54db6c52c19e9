"""Cut a filter into words, numbers, texts and signs."""

from __future__ import annotations

import re

import msgspec

from autotrack.errors import FilterError

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<word>[^\W\d][\w]*(?:\.(?:[\w/@:.-]+|"(?:[^"\\]|\\.)*"|`[^`]*`))?)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<sign>!=|<=|>=|==|!~|[=<>~(),+-])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class Token(msgspec.Struct, frozen=True):
    """A piece of a filter.

    Attributes:
        kind: "number", "word", "text", "sign" or "end".
        text: The piece; of a text, without quotes and escapes.
        column: Where it begins.
        key: Of a word such as `metrics.loss`, what follows the dot; else None.
    """

    kind: str
    text: str
    column: int
    key: str | None = None


def tokenize(text: str) -> list[Token]:
    """Cut a filter into tokens, the last of kind "end".

    Raises:
        FilterError: Something is no part of the language, or a quote is not closed.
    """
    tokens: list[Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at, end)
        if match is None or match.lastgroup is None:
            raise _unreadable(text, at + len(text[at:]) - len(text[at:].lstrip()))
        tokens.append(_token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return [*tokens, Token("end", "", end)]


def _token(kind: str, text: str, column: int) -> Token:
    if kind == "text":
        return Token(kind, _unquote(text), column)
    if kind == "word":
        word, dot, key = text.partition(".")
        quoted = key[:1] in ('"', "`")
        return Token(kind, word, column, (_unquote(key) if quoted else key) if dot else None)
    return Token(kind, text, column)


def _unquote(quoted: str) -> str:
    inner = quoted[1:-1]
    if quoted[0] == "`":
        return inner
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), inner, flags=re.DOTALL)


def _unreadable(text: str, column: int) -> FilterError:
    character = text[column]
    if character in "\"'":
        return FilterError(f"the text beginning with {character} has no closing quote", text, column)
    if character == ".":
        return FilterError("a key must follow the dot; put a key of other characters into quotes", text, column)
    if character.isdigit():
        return FilterError("this is no number; put a text into quotes", text, column)
    return FilterError(f"{character!r} has no meaning in a filter", text, column)
