"""What an MLflow server takes as a key, a value or a path, and how ours are brought into that shape.

The server cuts long values and refuses other keys, so both are done here, where nothing gets lost: a cut value is kept
whole as a file of the run, and a changed key ends in a hash of the original, so two keys never become one.
Source of the numbers: `mlflow/utils/validation.py` of MLflow 3.17.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from pathlib import PurePosixPath
from typing import NamedTuple

from autotrack.records import Param

MAX_KEY = 250
MAX_PARAM = 6_000
MAX_TAG = 8_000
_DIGEST = 8
_KEY = re.compile(r"[/\w.\- :]+")
_NOT_IN_KEY = re.compile(r"[^/\w.\- :]")
_NOT_IN_PATH = re.compile(r"[#\\\x00-\x1f\x7f]")
_NOT_IN_MODEL_NAME = re.compile(r"[/:.%\"'\x00-\x1f]")
_WORDS = {"null": "None", "true": "True", "false": "False"}


def server_key(key: str) -> str:
    """Return a key as the server takes it; `@` becomes `_at_`, as MLflow's own integrations write it.

    Example:
        >>> server_key("ndcg@5"), server_key("a=b")
        ('ndcg_at_5', 'a_b-39ad47af')
    """
    plain = key.replace("@", "_at_")
    if len(plain) <= MAX_KEY and _KEY.fullmatch(plain) and _is_one_path(plain):
        return plain
    clean = _NOT_IN_KEY.sub("_", plain)
    if not _is_one_path(clean):
        clean = clean.replace("/", "_").lstrip(".")
    return f"{clean[: MAX_KEY - _DIGEST - 1]}-{_digest(key)}"


def _is_one_path(key: str) -> bool:
    """Say whether a key, read as a path, has no other spelling: the server refuses the rest."""
    return bool(key) and posixpath.normpath(key) == key and key != "." and not key.startswith(("..", "/"))


def server_path(path: str) -> str:
    """Return the path of an artifact as the server takes it."""
    clean = _NOT_IN_PATH.sub("_", path)
    if clean == path:
        return path
    pure = PurePosixPath(clean)
    return str(pure.with_name(f"{pure.stem}-{_digest(path)}{pure.suffix}"))


def model_name(name: str) -> str:
    """Return the name of a logged model as the server takes it."""
    return _NOT_IN_MODEL_NAME.sub("_", name) or "model"


def short_name(name: str) -> str:
    """Return the name of a run or an experiment as the server's database takes it."""
    return name if len(name) <= MAX_KEY else f"{name[: MAX_KEY - _DIGEST - 1]}-{_digest(name)}"


def param_text(param: Param) -> str:
    """Return a parameter as MLflow's own client writes it: `str(value)`."""
    return _WORDS.get(param.text, param.text) if param.type in {"null", "bool"} else param.text


class Fitted(NamedTuple):
    """A value that the server takes, and the file that holds all of it where it had to be cut."""

    value: str
    path: str = ""
    whole: bytes = b""


def fit(key: str, text: str, limit: int, folder: str) -> Fitted:
    """Cut a text to `limit` characters; the whole goes to `<folder>/<key>.txt`."""
    if len(text) <= limit:
        return Fitted(text)
    path = server_path(f"{folder}/{key.replace('/', '_')[:100]}-{_digest(key)}.txt")
    ending = f"… ({len(text):,} characters, all in {path})"
    return Fitted(text[: limit - len(ending)] + ending, path, text.encode())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
