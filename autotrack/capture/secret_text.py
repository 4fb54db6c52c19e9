"""Find secrets in free text: by their own shape, and by the name in front of them (`token=...`).

Expressions below have bounded repetition or start only at word boundaries: time grows linearly with the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from autotrack.capture.secret_names import Sensitivity, sensitivity

MASK = "***"

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}"  # GitHub, GitLab
    r"|sk-(?:(?=[\w-]{0,200}\d)[\w-]{16,}|[\w-]{32,})|(?:sk|rk|pk)_(?:live|test)_\w{16,}"  # OpenAI and alike, Stripe
    r"|hf_[A-Za-z0-9]{20,}|dapi[0-9a-f]{32}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{32,}"  # Hugging Face, Databricks, npm, PyPI
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{35}|ya29\.[\w-]{20,}"  # AWS, Google
    r"|xox[abeoprs]-[\w-]{10,}|https://hooks\.slack\.com/services/[\w/]+|SG\.[\w-]{16,}\.[\w-]{16,}"  # Slack, SendGrid
    r"|eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"  # JSON web token: base64 of '{"'
    r")"
)
_BEARER = re.compile(r"(?i)(\bbearer\s{1,8})[\w.~+/=-]{8,}")
_HEADER = re.compile(r"(?im)(?<![\w-])((?:(?:proxy-)?authorization|(?:set-)?cookie):[ \t]{0,8})(?![ \t*])[^\r\n\"']+")
_URL_USER = re.compile(
    r"(?i)(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,30}://)(?!(?:git|\*\*\*)@)"
    r"(?:[^\s/?#\"'<>]{1,1024}|[^\s:/?#@\"'<>]{0,256}:(?!\d{1,5}[/?#])[^\s\"'<>]{1,1024})@"
)
_URL_QUERY = re.compile(r"(?i)([?&](?:sig|signature|x-(?:amz|goog)-(?:signature|credential))=)(?!\*\*\*)[^\s&#\"']+")
_NAME = re.compile(
    r"(?<![\w.-])(?:(?P<option>--[A-Za-z][\w.-]{0,255})[ \t]{1,8}(?!-)"
    r"|(?P<name>-{0,2}[A-Za-z_][\w.-]{0,255})[\"']?\s{0,8}[=:](?!//)[ \t]{0,8})"
)
_VALUE = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|[^\s;&\"']+")
_ENOUGH_TO_JUDGE = 1024  # characters: keeps the time linear where a long value is not taken for a secret
_BLOCK = 16_384
_CODE = re.compile(r"[()\[\]{}]|^(?:None|True|False|self\..*|lambda)$")
OPAQUE = re.compile(r"^(?=.*\d)[\w+/=.~-]{12,}$")
"""What nobody writes by hand as a word."""
_RULES = (
    (_PRIVATE_KEY, MASK),
    (_URL_USER, rf"\1{MASK}@"),
    (_URL_QUERY, rf"\1{MASK}"),
    (_SHAPES, MASK),
    (_HEADER, rf"\1{MASK}"),
    (_BEARER, rf"\1{MASK}"),
)


def redact(text: str) -> tuple[str, int]:
    """Replace each secret in `text` by `MASK` and count them."""
    return in_blocks(_redact, text)


def in_blocks(redact: Callable[[str], tuple[str, int]], text: str) -> tuple[str, int]:
    """Redact a long text some lines at a time: an expression keeps all other threads waiting until it is through."""
    if len(text) <= _BLOCK or "PRIVATE KEY" in text:  # a key in a text has many lines
        return redact(text)
    redacted = [redact(block) for block in _blocks(text)]
    return "".join(part for part, _ in redacted), sum(count for _, count in redacted)


def _blocks(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start + _BLOCK) + 1 or len(text)
        yield text[start:end]
        start = end


def _redact(text: str) -> tuple[str, int]:
    text, shapes = redact_shapes(text)
    text, count = _redact_assignments(text)
    return text, shapes + count


def redact_shapes(text: str) -> tuple[str, int]:
    """Replace only what looks like a secret by itself, whatever its name."""
    counts = []
    for pattern, replacement in _RULES:
        text, count = pattern.subn(replacement, text)
        counts.append(count)
    return text, sum(counts)


def _redact_assignments(text: str) -> tuple[str, int]:
    """Mask what stands behind a secret name: `name=value`, `"name": "value"`, `--name value`."""
    parts: list[str] = []
    done = position = count = 0
    while found := _NAME.search(text, position):
        position = found.end()
        if not _precedes_secret(found["option"] or found["name"], text, position):
            continue
        value = _VALUE.match(text, position)
        if value:
            quote = value.group()[0] if value.group()[0] in "\"'" else ""
            parts += [text[done:position], quote, MASK, quote if value.group().endswith(quote) else ""]
            done = position = value.end()
            count += 1
    return "".join([*parts, text[done:]]), count


def _precedes_secret(name: str, text: str, position: int) -> bool:
    """Judge a name and the value at `position`; in source code `key=len` and `token = tokens[0]` are harmless."""
    degree = sensitivity(name)
    if degree is Sensitivity.PLAIN:
        return False
    start = _VALUE.match(text, position, position + _ENOUGH_TO_JUDGE)
    if not start or start.group().strip("\"'") in {"", MASK}:
        return False
    if degree is Sensitivity.CERTAIN or start.group()[0] in "\"'":
        return True
    if name.strip("-").lower() == "key":
        return OPAQUE.search(start.group()) is not None
    return _CODE.search(start.group()) is None
