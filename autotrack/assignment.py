"""The run that whoever started this process has opened for it: what the process trains belongs there.

`autotrack run PROJECT` opens a run, logs the parameters and starts the program. The first root run of the program goes
on with that run, and all further ones become its children. A worker of a distributed training joins the run of the
program instead: it adds to the run, which begins and ends elsewhere.
"""

from __future__ import annotations

import os
from typing import NamedTuple

RUN_VARIABLE = "AUTOTRACK_RUN_ID"
JOIN_VARIABLE = "AUTOTRACK_JOIN_RUN"

_taken: dict[str, object] = {}


class Assignment(NamedTuple):
    """Where a root run that begins belongs; mostly nowhere.

    Attributes:
        run_id: The run to go on with.
        parent_id: The run to be a child of.
        joined: Whether that run begins and ends in another process.
    """

    run_id: str | None = None
    parent_id: str | None = None
    joined: bool = False


def take_assignment() -> Assignment:
    """Return where a root run that begins belongs."""
    joined = os.environ.get(JOIN_VARIABLE)
    assigned = joined or os.environ.get(RUN_VARIABLE)
    if not assigned:
        return Assignment()
    mine = object()
    if _taken.setdefault(assigned, mine) is mine:  # one operation: of two threads, one gets it
        return Assignment(run_id=assigned, joined=bool(joined))
    return Assignment(parent_id=assigned)
