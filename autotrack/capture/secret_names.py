"""Decide by its name alone whether a setting, an argument or a variable holds a secret.

A name is split into words (`apiKey`, `API_KEY` and `api-key` are the same two words), so that `author`, `monkey` or
`passthrough` never match by accident. Two groups of words count:

- words that always mean a secret, wherever they stand: `password`, `secret`, `auth`, `cookie`, ...
- `key` and `token`, which mean a secret only as the last word and only without a neighbour that says otherwise:
  `HF_TOKEN` and `signing_key` do, `token_pattern`, `key_dim`, `pad_token` and `max_tokens` do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import pairwise


class Sensitivity(Enum):
    """How much a name says about its value.

    Attributes:
        PLAIN: Nothing secret about it.
        AMBIGUOUS: `key` or `token`: a text is taken for a secret, a number is not.
        CERTAIN: Whatever it holds is a secret.
    """

    PLAIN = "plain"
    AMBIGUOUS = "ambiguous"
    CERTAIN = "certain"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORDS = _words(
    """
    auth authentication authn authorization authz bearer cookie cookies cred creds dsn jsessionid jwt oauth
    passcode passwd phpsessid pwd sessid sessionid
    """
)
_SECRET_PARTS = re.compile(
    r"passw|passphrase|credential|(?:secret|secrets)$|^secret(?=key|token|value|id|hash)"
    r"|(?:api|access|account|auth|private|ssh|signing|license)(?:key|token)s?$"
)
_AMBIGUOUS_WORDS = frozenset({"key", "token"})
_OWNERS = _words("access account api auth bearer csrf encryption private refresh secret signing ssh")
_SECRET_PAIRS = frozenset(
    [(owner, thing) for owner in _OWNERS for thing in ("key", "keys", "token", "tokens")]
    + [("session", "id"), ("connection", "string"), ("conn", "str"), ("storage", "key")]
    + [(owner, "pass") for owner in ("db", "database", "user", "admin", "root", "smtp", "mail", "mysql", "redis")]
)
_HARMLESS_NEIGHBOURS = _words(
    """
    audio avg batch begin bos cache class cls col column count data dataset decoder dict encoder end eos feature
    first foreign group groupby hash image index input join label last lookup map mask masked max mean merge
    metric min monitor n nb next num order output pad padding partition per prefix primary prng public query
    random rng row sample score sep separator sort sorting special start stop suffix target text total unk
    unknown value video word
    """
)
_WORKING_DIRECTORY_VARIABLES = frozenset({"PWD", "OLDPWD"})
_more: tuple[str, ...] = ()


def mask_also(patterns: Iterable[str]) -> None:
    """Take names that match these patterns for those of secrets, too, instead of any given before.

    Args:
        patterns: Words of a name ("pin"), or shell patterns of whole names ("*_pin"), in upper or lower case.
    """
    global _more  # noqa: PLW0603 - the user's own setting holds for the process
    given = tuple(pattern.lower() for pattern in patterns)
    if given != _more:
        _more = given
        sensitivity.cache_clear()


def masked_also() -> tuple[str, ...]:
    """Return the patterns in force; what was masked with others may show what these hide."""
    return _more


@lru_cache(maxsize=4096)
def sensitivity(name: str) -> Sensitivity:
    """Tell how much `name` says about the value it stands for."""
    if name in _WORKING_DIRECTORY_VARIABLES:
        return Sensitivity.PLAIN
    words = [word.lower() for word in _WORD.findall(name)]
    if any(pattern in words or fnmatchcase(name.lower(), pattern) for pattern in _more):
        return Sensitivity.CERTAIN
    if any(word in _SECRET_WORDS or _SECRET_PARTS.search(word) for word in words):
        return Sensitivity.CERTAIN
    if any(pair in _SECRET_PAIRS for pair in pairwise(words)):
        return Sensitivity.CERTAIN
    if words and words[-1] in _AMBIGUOUS_WORDS and _HARMLESS_NEIGHBOURS.isdisjoint(words[:-1]):
        return Sensitivity.AMBIGUOUS
    return Sensitivity.PLAIN


def is_secret_name(name: str) -> bool:
    """Tell whether the value called `name` should be taken for a secret.

    Args:
        name: Name of a setting, command line option, environment variable, header or parameter.

    Returns:
        True where the name says so.

    Example:
        >>> is_secret_name("OPENAI_API_KEY"), is_secret_name("dbPassword"), is_secret_name("HF_TOKEN")
        (True, True, True)
        >>> is_secret_name("author"), is_secret_name("token_pattern"), is_secret_name("key_dim")
        (False, False, False)
    """
    return sensitivity(name) is not Sensitivity.PLAIN
