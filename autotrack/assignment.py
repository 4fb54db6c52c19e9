"""The run that whoever started this process has opened for it: what the process trains belongs there.

`autotrack run PROJECT` opens a run, logs the parameters and starts the program. The first root run of the program goes
on with that run, and all further ones become its children.
"""

from __future__ import annotations

import os

RUN_VARIABLE = "AUTOTRACK_RUN_ID"

_free = [True]


def take_assignment() -> tuple[str | None, str | None]:
    """Return the run to go on with and the parent to be a child of, for a root run that begins; mostly neither."""
    assigned = os.environ.get(RUN_VARIABLE)
    if not assigned:
        return None, None
    try:
        _free.pop()  # one operation: of two threads, one gets it
    except IndexError:
        return None, assigned
    return assigned, None
