"""Put the application together: routes, answers to errors, and the guard around both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette

from autotrack.server.access import Entrance
from autotrack.server.changes import Changes
from autotrack.server.context import Services
from autotrack.server.guard import CONCURRENT, PUBLIC, Guard
from autotrack.server.hosts import AllowedHosts
from autotrack.server.library import Library
from autotrack.server.replies import HANDLERS
from autotrack.server.routes import ROUTES
from autotrack.server.templating import environment

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


def create_app(
    library: Library,
    access: Entrance,
    changes: Changes,
    hosts: Iterable[str] = (),
    *,
    routes: Sequence[BaseRoute] = ROUTES,
    public: frozenset[str] = PUBLIC,
    concurrent: int = CONCURRENT,
    state: Mapping[str, Any] | None = None,
) -> Guard:
    """Make the ASGI application.

    Args:
        library: What it shows.
        access: Who may come in.
        changes: Tells open pages what has changed; lives as long as the server runs.
        hosts: Names it answers to beside those of this machine.
        routes: What it answers to.
        public: Paths that answer strangers.
        concurrent: Requests answered at once.
        state: What else its handlers find in the application.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        environment().get_template("runs.html")  # the first page need not wait for it
        await changes.start()
        yield
        await changes.stop()
        library.close()

    app = Starlette(routes=routes, exception_handlers=HANDLERS, lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.changes = changes
    app.state.services = Services(library, access)
    for name, value in (state or {}).items():
        setattr(app.state, name, value)
    return Guard(app, access, AllowedHosts(hosts), public=public, concurrent=concurrent)
