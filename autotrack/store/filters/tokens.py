"""Walk over the tokens of a filter, one ahead."""

from __future__ import annotations

from autotrack.errors import FilterError
from autotrack.store.filters.lexer import Token, tokenize


class TokenReader:
    """The tokens of a filter, taken one after another.

    Attributes:
        text: The whole filter.
        next: The token that `take` will give.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokenize(text)
        self._at = 0

    @property
    def next(self) -> Token:
        """The token that `take` will give; at the end always the one of kind "end"."""
        return self._tokens[self._at]

    def at_end(self) -> bool:
        """Tell whether nothing is left."""
        return self.next.kind == "end"

    def take(self) -> Token:
        """Give the next token and move on."""
        token = self.next
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def take_word(self, *words: str) -> str:
        """Take one of some words, in any case, and give it in lower case; or take nothing and give ""."""
        if self.next.kind == "word" and self.next.key is None and self.next.text.lower() in words:
            return self.take().text.lower()
        return ""

    def take_sign(self, sign: str) -> bool:
        """Take a sign if it comes next."""
        found = self.next.kind == "sign" and self.next.text == sign
        if found:
            self.take()
        return found

    def expect_sign(self, sign: str, why: str) -> None:
        """Take a sign, or fail."""
        if not self.take_sign(sign):
            raise self.expected(f'"{sign}" {why}')

    def expected(self, what: str) -> FilterError:
        """Make the error for a token that is not what must stand there."""
        token = self.next
        found = token.text if token.key is None else f"{token.text}.{token.key}"
        return self.error(f"expected {what}, not {'the end' if self.at_end() else repr(found)}")

    def error(self, reason: str, column: int | None = None) -> FilterError:
        """Make an error that points at a column, by default that of the next token."""
        return FilterError(reason, self.text, self.next.column if column is None else column)
