"""The one table of what the server answers to. The guard stands before all of it."""

from __future__ import annotations

from starlette.routing import Route

from autotrack.server.api import edits, events, exports, find, keys, points, registry, selection, views
from autotrack.server.assets import serve_asset
from autotrack.server.entrance import make_ticket, open_session
from autotrack.server.pages import files, models, run, runs, search
from autotrack.server.pages.compare import show_comparison
from autotrack.server.pages.report import comparison_report, run_report

ROUTES = [
    Route("/open", open_session),
    Route("/", runs.show_runs),
    Route("/rows", runs.show_more),
    Route("/static/{name}", serve_asset),
    Route("/experiments/{number:int}", runs.find_experiment),
    Route("/compare", show_comparison),
    Route("/compare/report", comparison_report),
    Route("/runs/{run_id}", run.show_overview),
    Route("/runs/{run_id}/charts", run.show_charts),
    Route("/runs/{run_id}/system", run.show_system),
    Route("/runs/{run_id}/evaluation", run.show_evaluation),
    Route("/runs/{run_id}/search", search.show_search),
    Route("/runs/{run_id}/data", run.show_data),
    Route("/runs/{run_id}/code", run.show_code),
    Route("/runs/{run_id}/files", files.show_files),
    Route("/runs/{run_id}/files/{file_id}", files.show_file),
    Route("/runs/{run_id}/raw/{file_id}", files.send_file),
    Route("/runs/{run_id}/frame/{file_id}", files.frame_file),
    Route("/runs/{run_id}/models/{model_id}/{file_id}", files.send_model_file),
    Route("/runs/{run_id}/report", run_report),
    Route("/models", models.show_models),
    Route("/models/{name}", models.show_model),
    Route("/models/{name}/compare", models.compare),
    Route("/models/{name}/{version}", models.show_version),
    Route("/export/{name}", exports.export_runs),
    Route("/api/points", points.read_points),
    Route("/api/sparks", points.read_sparks),
    Route("/api/keys", keys.list_keys),
    Route("/api/filter", keys.check_filter),
    Route("/api/selection", selection.select_all),
    Route("/api/find", find.find_pages),
    Route("/api/events", events.stream_changes),
    Route("/api/runs", edits.edit_runs, methods=["POST"]),
    Route("/api/models", registry.edit_registry, methods=["POST"]),
    Route("/api/views", views.keep_view, methods=["POST"]),
    Route("/api/tickets", make_ticket, methods=["POST"]),
]
