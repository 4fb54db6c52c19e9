"""A run or a comparison as a file to keep or to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from autotrack.server.context import library_of, run_id_of
from autotrack.server.headers import SANDBOX
from autotrack.server.pages.compare import wanted_runs
from autotrack.server.report_file import comparison_html, run_html

if TYPE_CHECKING:
    from starlette.requests import Request


def run_report(request: Request) -> Response:
    """Send a run as one HTML file."""
    run_id = run_id_of(request)
    return _file(run_html(library_of(request), run_id), f"run-{run_id[:12]}")


def comparison_report(request: Request) -> Response:
    """Send a comparison as one HTML file."""
    html = comparison_html(library_of(request), wanted_runs(request), request.query_params.get("baseline", ""))
    return _file(html, "comparison")


def _file(html: str, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}.html"', "content-security-policy": SANDBOX}
    return Response(html.encode("utf-8", "replace"), media_type="text/html", headers=headers)
