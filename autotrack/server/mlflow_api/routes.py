"""The one table of what the protocol answers to, under the prefix of programs and under that of MLflow's own page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from autotrack._version import __version__
from autotrack.server.mlflow_api import (
    artifacts,
    experiments,
    histories,
    logged_models,
    model_searches,
    multipart,
    registry,
    runs,
    searches,
    values,
    versions,
)
from autotrack.server.mlflow_api.protocol import NO_ENDPOINT, error_reply, json_reply

if TYPE_CHECKING:
    from starlette.requests import Request

    from autotrack.server.mlflow_api.endpoint import Tracking

PREFIXES = ("/api", "/ajax-api")
MODULES = (
    values,
    runs,
    searches,
    experiments,
    histories,
    artifacts,
    model_searches,
    logged_models,
    versions,
    registry,
)
"""Where endpoints are; routes are tried in this order, so what is asked most often stands first."""

FEATURES = {
    "store_type": "SqlStore",
    "workspaces_enabled": False,
    "trace_archival_enabled": False,
    "multipart_downloads_enabled": False,
}
"""What clients ask before they use one of these."""


def server_info(request: Request) -> Response:
    """Say what the server can do. Files in parts are taken in any case, and proposed where that costs nothing."""
    tracking: Tracking = request.app.state.tracking
    return json_reply({**FEATURES, "multipart_uploads_enabled": tracking.files.parts_pay})


def version(_: Request) -> Response:
    """Say which version this is."""
    return PlainTextResponse(__version__)


def no_endpoint(request: Request) -> Response:
    """Answer what the protocol has and this server has not: traces, prompts, gateways and the like."""
    del request
    return error_reply(NO_ENDPOINT, "this server has no such endpoint")


def _routes() -> list[Any]:
    endpoints = [endpoint for module in MODULES for endpoint in module.ENDPOINTS]
    resources = [Route(f"/{one.path}", one.answer, methods=[one.method]) for one in endpoints]
    anything = Route("/{path:path}", no_endpoint, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    return [
        Mount("/2.0/mlflow-artifacts", routes=[*_artifact_routes(), anything]),
        Mount("/2.0/mlflow", routes=[*resources, anything]),
        Mount("/3.0/mlflow", routes=[Route("/server-info", server_info), *resources, anything]),
    ]


def _artifact_routes() -> list[Route]:
    return [
        Route("/artifacts", artifacts.list_proxied),
        Route("/artifacts/{path:path}", artifacts.upload, methods=["PUT"]),
        Route("/artifacts/{path:path}", artifacts.download, methods=["GET"]),
        Route("/artifacts/{path:path}", artifacts.delete, methods=["DELETE"]),
        Route("/mpu/create/{path:path}", multipart.create, methods=["POST"]),
        Route("/mpu/complete/{path:path}", multipart.complete, methods=["POST"]),
        Route("/mpu/abort/{path:path}", multipart.abort, methods=["POST"]),
        Route("/mpu/part/{upload_id}/{path:path}", multipart.take_part, methods=["PUT"]),
        Route("/presigned/{path:path}", artifacts.unsupported, methods=["GET"]),
    ]


ROUTES: list[Any] = [*(Mount(prefix, routes=_routes()) for prefix in PREFIXES), Route("/version", version)]
