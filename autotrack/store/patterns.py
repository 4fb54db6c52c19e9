"""Regular expressions as filters use them: `~` of SQLite, and LIKE patterns translated for both databases."""

from __future__ import annotations

import re
from functools import lru_cache

PATTERN_LENGTH = 500
"""Longest pattern, in characters, that a filter may carry."""

TEXT_LENGTH = 10_000
"""How much of a value, in characters, SQLite looks at: the time of a bad pattern grows with the text."""

_compile = lru_cache(maxsize=256)(re.compile)


def search_pattern(pattern: str, text: str | None) -> bool:
    """Implement SQLite's `text REGEXP pattern`."""
    return text is not None and _compile(pattern).search(text[:TEXT_LENGTH]) is not None


_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?.)?|\)|[*+?|{]|.", re.DOTALL)


def repeats_a_repeat(pattern: str) -> bool:
    """Say whether a pattern repeats a group that repeats or has alternatives inside: its time may grow without limit.

    Python tries all ways to part a text among such repeats: `(a+)+b` needs years for 40 letters.
    """
    inside = [False]
    closed = False
    for piece in (match[0] for match in _PIECE.finditer(pattern)):
        if closed and piece in "*+{":
            return True
        closed = False
        if piece[0] == "(":
            inside.append(False)
        elif piece == ")" and len(inside) > 1:
            closed = inside.pop()
            inside[-1] = inside[-1] or closed
        elif piece in "*+?{|":
            inside[-1] = True
    return False


def like_to_regex(pattern: str, *, ignore_case: bool) -> str:
    r"""Translate a LIKE pattern (`%` any text, `_` one character, `\\` takes the next as it is).

    The result means the same to Python and to PostgreSQL, whose own LIKE operators differ from SQLite's in case.
    """
    parts = ["(?i)" if ignore_case else "", r"\A"]
    escaped = False
    for character in pattern:
        if escaped or character not in "%_\\":
            parts.append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append(r"[\s\S]*" if character == "%" else r"[\s\S]")
    return "".join((*parts, re.escape("\\") if escaped else "", r"\Z"))
