"""Take secrets out of source files so that they still run: string literals are masked, names and calls are not.

`password = getpass()` says nothing and has to stay Python; `password = "hunter2"` becomes `password = "***"`. Files of
other languages, and all settings files, are masked as any text is.
"""

from __future__ import annotations

import re

from autotrack.capture.secret_names import is_secret_name
from autotrack.capture.secret_text import MASK, OPAQUE, in_blocks, redact, redact_shapes

_PYTHON = (".py", ".pyi", ".pyw", ".pyx")
_LITERAL = re.compile(
    r"(?<![\w.])(?P<name>[A-Za-z_][\w.]{0,255})[\"']?\]?[ \t]{0,8}(?::[ \t]{0,8}[\w\[\], .|]{1,80}?)?"
    r"(?P<sign>[=:,])[ \t]{0,8}"
    r"(?P<prefix>[rbfuRBFU]{0,2})"
    r"(?P<literal>\"\"\".*?\"\"\"|'''.*?'''|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
)


def redact_file(name: str, text: str) -> tuple[str, int]:
    """Replace each secret in the text of a file by `MASK`, and count them.

    Args:
        name: The file's name; it says what kind of text it is.
        text: Its content, or a part of it.

    Example:
        >>> redact_file("train.py", "password = getpass()")
        ('password = getpass()', 0)
        >>> redact_file("train.py", "password: str = 'hunter2'")
        ("password: str = '***'", 1)
        >>> redact_file("config.ini", "password = hunter2")
        ('password = ***', 1)
    """
    return in_blocks(_redact_python, text) if name.endswith(_PYTHON) else redact(text)


def _redact_python(text: str) -> tuple[str, int]:
    text, count = redact_shapes(text)
    parts: list[str] = []
    done = position = 0
    while found := _LITERAL.search(text, position):
        position = found.end("name")
        literal = found["literal"]
        if not _is_secret(found):
            continue
        quotes = literal[:3] if literal[:3] in {'"""', "'''"} else literal[0]
        parts += [text[done : found.start("literal")], quotes, MASK, quotes]
        done = position = found.end()
        count += 1
    return "".join([*parts, text[done:]]), count


def _is_secret(found: re.Match[str]) -> bool:
    """Judge a literal by its name; behind a comma (`get("TOKEN", "...")`) and for a mere `key` also by its looks."""
    value = found["literal"].strip("\"'")
    if value in {"", MASK} or not is_secret_name(found["name"]):
        return False
    vague = found["sign"] == "," or found["name"].lower() == "key"
    return not vague or OPAQUE.search(value) is not None
