"""Markdown that people wrote about a model as HTML that runs and loads nothing."""

from __future__ import annotations

from functools import lru_cache

from markdown_it import MarkdownIt
from markupsafe import Markup


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    """Make a reader without HTML, which it shows as text, and without images, which would be loaded from elsewhere."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def to_html(text: str) -> Markup:
    """Return Markdown as HTML. Addresses of links that could run a script are left as text."""
    return Markup(_reader().render(text))  # noqa: S704 - everything in it is escaped by the reader


def first_line(text: str, limit: int = 120) -> str:
    """Return the first line that says something, for a table."""
    line = next((line.strip("# *_`") for line in text.splitlines() if line.strip("# *_`")), "")
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
