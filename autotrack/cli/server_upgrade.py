"""`autotrack server upgrade`: bring the tables of a server's store up to date."""

from __future__ import annotations

import click

from autotrack.cli.screen import say
from autotrack.cli.session import Session, json_option


@click.command()
@json_option
@click.pass_obj
def upgrade(session: Session, *, as_json: bool) -> None:
    """Bring the store up to date with this release; refused while servers use it."""
    from autotrack.cli.json_output import print_json
    from autotrack.place import find_place
    from autotrack.store.schema import HEAD
    from autotrack.store.store import Store

    place = find_place(session.settings)
    Store.open(place.url).close()
    if as_json:
        print_json({"store": place.label, "schema": HEAD})
        return
    say(f"{place.label} has schema {HEAD}, which is that of this release")
