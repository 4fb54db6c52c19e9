"""What the pages read of an `MLmodel` file that a client uploaded: flavors and signature.

MLflow writes the file as YAML, and a server that loads YAML of strangers is what S30 of docs/security.md forbids. The
two parts that pages show need no YAML: the flavors are keys below `flavors:`, and each part of the signature is JSON in
a quoted text, folded at spaces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

PARTS = ("inputs", "outputs", "params")
_KEY = re.compile(r"^ {2}\"?([\w.-]+)\"?:", re.MULTILINE)
_PART = re.compile(r"^ {2}\"?(\w+)\"?: *('(?:[^']|'')*'|\"(?:[^\"\\]|\\[\s\S])*\")[ \t]*$", re.MULTILINE)
_BYTE, _WIDE = re.compile(r"\\x([0-9a-fA-F]{2})"), r"\\u00\1"


def read_flavors(text: str) -> list[str]:
    r"""Return the flavors of a model, the general one of MLflow last.

    Example:
        >>> read_flavors("flavors:\n  python_function:\n    env: x\n  sklearn:\n    code: null\n")
        ['sklearn', 'python_function']
    """
    return sorted(_KEY.findall(_block(text, "flavors")), key=lambda name: name == "python_function")


def read_signature(text: str) -> Mapping[str, str] | None:
    """Return the parts of a signature, each JSON as `MLmodel` files hold it; None where there is none.

    Example:
        >>> read_signature('''signature:
        ...   inputs: '[{"type": "double",
        ...     "name": "x"}]'
        ...   params: null
        ... ''')
        {'inputs': '[{"type": "double", "name": "x"}]'}
    """
    found = {name: _unquote(quoted) for name, quoted in _PART.findall(_block(text, "signature")) if name in PARTS}
    return found or None


def _block(text: str, key: str) -> str:
    """Return the indented lines below a key that begins a line."""
    match = re.search(rf"^\"?{key}\"?:[ \t]*\n((?:[ \t]+.*\n?|\n)*)", text.replace("\r\n", "\n"), re.MULTILINE)
    return match[1] if match else ""


def _unquote(quoted: str) -> str:
    lines = [line.strip(" \t") for line in quoted[1:-1].split("\n")]
    if quoted.startswith("'"):
        return " ".join(lines).replace("''", "'")
    folded = "".join(line[:-1] if line.endswith("\\") else f"{line} " for line in lines)
    try:
        found: Any = json.loads(f'"{_BYTE.sub(_WIDE, folded)}"'.replace("\\ ", " "))
    except ValueError:
        return ""
    return found if isinstance(found, str) else ""
