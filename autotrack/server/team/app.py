"""Put a process of a team's server together: its store, its files, the pages and the protocol, and who may use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autotrack.server.access import Entrance
from autotrack.server.app import create_app
from autotrack.server.changes import Changes
from autotrack.server.files import open_files
from autotrack.server.library import Library
from autotrack.server.mlflow_api import routes as protocol
from autotrack.server.mlflow_api.endpoint import Tracking
from autotrack.server.mlflow_api.multipart import Leftovers
from autotrack.server.mlflow_api.small_files import SmallFiles
from autotrack.server.routes import ROUTES
from autotrack.server.team import login, probes
from autotrack.server.team.access import AccountAccess, OpenAccess
from autotrack.server.team.attempts import Attempts
from autotrack.server.team.measured import Measured
from autotrack.server.team.meters import Meters
from autotrack.server.team.proxies import Proxies
from autotrack.server.team.settings import CONCURRENT, TeamSettings
from autotrack.store.store import Store
from autotrack.store.tracking.experiments import add_default_experiment

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

OWN = frozenset({"/open", "/api/tickets"})
"""Routes of `autotrack ui` that a server with accounts has no use for."""

TEAM_ROUTES: list[BaseRoute] = [
    *protocol.ROUTES,
    *probes.ROUTES,
    *login.ROUTES,
    *(route for route in ROUTES if route.path not in OWN),
]
"""The one table of what a team's server answers to."""

PUBLIC = frozenset({"/health", "/ready", "/login", "/static/style.css", "/static/icon.svg"})
"""What answers strangers: whether it lives, and where they can say who they are."""


def make_app(settings: TeamSettings, meters: Meters, attempts: Attempts) -> ASGIApp:
    """Make the application of one process.

    Raises:
        StoreUnavailableError: The store cannot be opened.
        OlderSchemaError: It has to be upgraded first.
    """
    store = Store.open(settings.place.url, upgrade=False)
    with store.writing() as connection:
        add_default_experiment(connection)
    files = open_files(settings.files)
    tracking = Tracking(store, files)
    library = Library(settings.place, files)
    access: Entrance = OpenAccess()
    if settings.login:
        proxies = Proxies(settings.trusted_proxies, settings.login_header)
        access = AccountAccess(store, secure=settings.secure, attempts=attempts, proxies=proxies)
    guarded = create_app(
        library,
        access,
        Changes(library),
        [settings.host, *settings.allowed_hosts],
        routes=TEAM_ROUTES,
        public=PUBLIC,
        concurrent=CONCURRENT,
        state={
            "tracking": tracking,
            "small_files": SmallFiles(tracking),
            "leftovers": Leftovers(files),
            "meters": meters,
            "secure": settings.secure,
        },
    )
    return Measured(guarded, meters)
