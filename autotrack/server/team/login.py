"""Sign in to the pages, and out again. A session is a row of the store, so that every process knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from autotrack.server.access import DeniedError, read_cookie
from autotrack.server.replies import Refused, page, refuse
from autotrack.server.team.access import PASSWORD, AccountAccess, Credentials
from autotrack.store.accounts.tokens import SESSION, end_session, new_token

if TYPE_CHECKING:
    from starlette.requests import Request

SESSION_DAYS = 7.0
TITLE = "Sign in"


async def show_login(request: Request) -> Response:
    """Ask who it is."""
    return page(request, "login.html", title=TITLE, reason="")


async def log_in(request: Request) -> Response:
    """Open a session for who knows the password; a form, so that it needs no script."""
    access = _access(request)
    form = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=4)
    name, password = (form.get(field, [""])[0] for field in ("name", "password"))
    try:
        session = await run_in_threadpool(_open, access, name, password, access.proxies.address_of(request))
    except DeniedError as denied:
        return refuse(denied.status, denied.reason, request.scope, denied.headers)
    if session is None:
        return page(request, "login.html", 401, title=TITLE, reason="There is no account of this name and password")
    response = RedirectResponse("/", 303)
    response.set_cookie(
        access.cookie,
        session,
        max_age=int(SESSION_DAYS * 86_400),
        httponly=True,
        samesite="strict",
        secure=access.secure,
        path="/",
    )
    return response


async def log_out(request: Request) -> Response:
    """End the session."""
    access = _access(request)
    await run_in_threadpool(_close, access, read_cookie(request.headers, access.cookie))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(access.cookie, path="/", secure=access.secure, httponly=True, samesite="strict")
    return response


def _open(access: AccountAccess, name: str, password: str, address: str) -> str | None:
    caller = access.look_up(Credentials(PASSWORD, name, password), address)
    if caller is None:
        return None
    with access.store.writing() as connection:
        return new_token(connection, caller.name, kind=SESSION, label="browser", days=SESSION_DAYS)


def _close(access: AccountAccess, session: str) -> None:
    with access.store.writing() as connection:
        end_session(connection, session)
    access.forget()


def _access(request: Request) -> AccountAccess:
    access = request.app.state.services.access
    if not isinstance(access, AccountAccess):
        raise Refused("this server has no accounts", 404)
    return access


ROUTES: list[BaseRoute] = [
    Route("/login", show_login, methods=["GET"]),
    Route("/login", log_in, methods=["POST"]),
    Route("/logout", log_out, methods=["POST"]),
]
