"""Coming in: a ticket from the address that was opened becomes a session in a cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.responses import RedirectResponse, Response

from autotrack.server.context import read_json
from autotrack.server.replies import Json, refuse

if TYPE_CHECKING:
    from starlette.requests import Request

    from autotrack.server.access import Access


class TicketWish(msgspec.Struct, forbid_unknown_fields=True):
    """What a program asks for: with `framed`, a session whose pages may stand in a notebook of this machine."""

    framed: bool = False


def open_session(request: Request) -> Response:
    """Exchange the ticket in the address for a cookie, and go on to the page without it."""
    access: Access = request.app.state.services.access
    session = access.open_session(request.query_params.get("token", ""))
    if session is None:
        return refuse(401, "this address has been used; `autotrack ui` gives a new one", request.scope)
    target = request.query_params.get("to", "")
    response = RedirectResponse(f"/runs/{target}" if target.isalnum() else "/", 303)
    response.set_cookie(access.cookie, session, httponly=True, samesite="strict", path="/")
    return response


async def make_ticket(request: Request) -> Response:
    """Give a program that shows the token a new ticket, so that `autotrack ui` can open a running server."""
    wish = await read_json(request, TicketWish)
    access: Access = request.app.state.services.access
    return Json({"ticket": access.new_ticket(framed=wish.framed)})
