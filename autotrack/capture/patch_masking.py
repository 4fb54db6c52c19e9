"""Take secrets out of a patch line by line, so that it stays a patch.

A line that was masked keeps its place and its first sign. Whoever applies the patch fills masked context and removed
lines in again from the commit, which has them; of an added line the mask remains.
"""

from __future__ import annotations

import re

from autotrack.capture.secret_code import redact_file
from autotrack.capture.secret_text import MASK

_HUNK = re.compile(r"(@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@).*")
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY")


def mask_patch(patch: str) -> tuple[str, int]:
    """Mask the secrets in the output of `git diff --binary`, and count them.

    Binary parts are compressed and stay as they are; what git writes behind `@@` for people is left out.
    """
    masker = _Masker()
    lines = [masker.mask(line) for line in patch.split("\n")]
    return "\n".join(lines), masker.count


class _Masker:
    """Knows where in the patch it is: in which file, in a hunk or not, in a private key or not."""

    def __init__(self) -> None:
        self.count = 0
        self._file = ""
        self._in_hunk = False
        self._in_key = False

    def mask(self, line: str) -> str:
        if line.startswith("diff --git "):
            self._file, self._in_hunk, self._in_key = line, False, False
        elif hunk := _HUNK.match(line):
            self._in_hunk, self._in_key = True, False
            return hunk[1]
        elif self._in_hunk and line[:1] in {" ", "+", "-"} and len(line) > 1:
            return line[0] + self._mask_content(line[1:])
        return line

    def _mask_content(self, text: str) -> str:
        begins = _KEY_BEGINS.search(text)
        if begins or self._in_key:
            self._in_key = not _KEY_ENDS.search(text)
            self.count += bool(begins)
            return MASK
        masked, count = redact_file(self._file, text)
        self.count += count
        return masked
