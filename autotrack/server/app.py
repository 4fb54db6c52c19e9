"""Put the application together: routes, answers to errors, and the guard around both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from autotrack.server.access import Access
from autotrack.server.changes import Changes
from autotrack.server.context import Services
from autotrack.server.guard import Guard
from autotrack.server.hosts import AllowedHosts
from autotrack.server.library import Library
from autotrack.server.replies import HANDLERS
from autotrack.server.routes import ROUTES
from autotrack.server.templating import environment


def create_app(library: Library, access: Access, changes: Changes, hosts: Iterable[str] = ()) -> Guard:
    """Make the ASGI application.

    Args:
        library: What it shows.
        access: Who may come in.
        changes: Tells open pages what has changed; lives as long as the server runs.
        hosts: Names it answers to beside those of this machine.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        environment().get_template("runs.html")  # the first page need not wait for it
        await changes.start()
        yield
        await changes.stop()
        library.close()

    app = Starlette(routes=ROUTES, exception_handlers=HANDLERS, lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.changes = changes
    app.state.services = Services(library, access)
    return Guard(app, access, AllowedHosts(hosts))
