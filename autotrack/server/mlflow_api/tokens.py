"""The words of MLflow's search syntax: names, texts, numbers and signs."""

from __future__ import annotations

import re

from autotrack.server.mlflow_api.protocol import ProtocolError

MAX_LENGTH = 20_000
_QUOTED = r"""`[^`]*`|"[^"]*\""""
_TOKEN = re.compile(
    rf"""\s*(?:(?P<text>'[^']*')|(?P<name>(?:[A-Za-z_]|{_QUOTED})(?:[\w./:@-]|{_QUOTED})*)"""
    r"""|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<sign>!=|<=|>=|=|<|>|\(|\)|,))"""
)


class Tokens:
    """The tokens of a filter, taken one after another."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise ProtocolError(f"a filter may have {MAX_LENGTH} characters")
        self._tokens = list(_split(text))
        self._at = 0

    def peek(self) -> str:
        """Return what comes next in capitals, or nothing at the end."""
        return self._tokens[self._at][1].upper() if self._at < len(self._tokens) else ""

    def take(self, *kinds: str) -> str:
        """Take the next token, which must be of one of some kinds."""
        if self._at >= len(self._tokens):
            raise ProtocolError("the filter ends early: a comparison is a field, an operator and a value")
        kind, text = self._tokens[self._at]
        if kind not in kinds:
            raise ProtocolError(f"the filter has {text[:80]!r} where a {' or '.join(kinds)} must stand")
        self._at += 1
        return text

    def takes(self, word: str) -> bool:
        """Take a word if it comes next."""
        found = self.peek() == word
        self._at += found
        return found


def _split(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ProtocolError(f"the filter cannot be read from {text[at : at + 40]!r} on")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens
