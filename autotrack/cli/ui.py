"""`autotrack ui`: the page on the store, in the browser."""

from __future__ import annotations

import click

from autotrack.cli.screen import say
from autotrack.cli.session import Session, reads_store


@click.command()
@click.argument("run", required=False)
@click.option("-p", "--port", type=click.IntRange(0, 65_535), default=7337, show_default=True, help="0 for any.")
@click.option("--host", default="127.0.0.1", show_default=True, help="What to listen on.")
@click.option("--allowed-host", multiple=True, metavar="NAME", help="Also answer to this name; may be repeated.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@reads_store
def ui(
    session: Session,
    *,
    run: str | None,
    port: int,
    host: str,
    allowed_host: tuple[str, ...],
    no_browser: bool,
    as_json: bool,
) -> None:
    """Open the page on the runs, or on one RUN.

    The address that is printed opens the page in one browser, once; `autotrack ui` again gives another one.
    """
    import webbrowser
    from contextlib import suppress

    from autotrack.cli.json_output import print_json
    from autotrack.place import find_place
    from autotrack.server.hosts import is_loopback
    from autotrack.server.launch import Server, ask_entrance, find_running

    place = find_place(session.settings)
    run_id = session.history.get(run).id if run else ""
    running = find_running(place) if is_loopback(host) else None
    server = None if running else Server(place, host=host, port=port, allowed_hosts=allowed_host)
    address = ask_entrance(running, run_id) if running else server.entrance(run_id) if server else ""
    if as_json:
        print_json({"address": address, "started": server is not None})
    else:
        click.echo(address)
        say("a server is running already" if running else f"showing {place.label}; Ctrl-C ends it")
    if not is_loopback(host):
        say("others can reach this: put a proxy with TLS before it, or what they send can be read on its way")
    if not no_browser:
        webbrowser.open(address)
    if server is not None:
        with suppress(KeyboardInterrupt):  # how it is meant to end
            server.run()
