"""`autotrack doctor`: what is installed, what would be recorded, where it goes, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.screen import Cell, Column, Screen, Styled
from autotrack.cli.session import Session, reads_store
from autotrack.errors import AutotrackError
from autotrack.words import plural

if TYPE_CHECKING:
    from autotrack.diagnosis import Finding

SIGNS = {
    "ok": Styled("✓", "green"),
    "info": Styled("·", "dim"),
    "warning": Styled("!", "bold yellow"),
    "error": Styled("✗", "bold red"),
}


@click.command()
@reads_store
def doctor(session: Session, *, as_json: bool) -> int:
    """Say what works here, what does not, and why.

    Versions, settings, the store and what waits to be delivered to it, and for each framework whether it is recorded.
    The exit code is 1 where something is broken.
    """
    findings = list(_examine(session))
    broken = sum(finding.level == "error" for finding in findings)
    if as_json:
        print_json(findings)
        return min(broken, 1)
    screen = Screen()
    for topic in dict.fromkeys(finding.topic for finding in findings):
        rows: list[list[Cell]] = [
            [SIGNS[found.level] if screen.width else found.level, found.name, found.text]
            for found in findings
            if found.topic == topic
        ]
        screen.heading(topic)
        screen.table([Column(), Column(), Column()], rows, indent=2)
    warnings = sum(finding.level == "warning" for finding in findings)
    screen.line()
    screen.line(f"{plural(broken, 'error')}, {plural(warnings, 'warning')}")
    return min(broken, 1)


def _examine(session: Session) -> Iterator[Finding]:
    from autotrack import diagnosis
    from autotrack.history import History
    from autotrack.place import find_place

    yield from diagnosis.guarded("version", diagnosis.version_findings)
    yield from diagnosis.guarded("tools", diagnosis.tool_findings)
    try:
        settings = session.settings
        place = find_place(settings)
    except AutotrackError as error:
        yield diagnosis.Finding("settings", "mistake", diagnosis.ERROR, str(error))
        return
    yield diagnosis.Finding("settings", "all", diagnosis.OK, "no mistakes; `autotrack env` lists them")
    history = History(place)
    yield from diagnosis.guarded("store", lambda: diagnosis.store_findings(place, history))
    yield from diagnosis.guarded("delivery", lambda: diagnosis.delivery_findings(history))
    yield from diagnosis.guarded("frameworks", lambda: diagnosis.framework_findings(settings))
