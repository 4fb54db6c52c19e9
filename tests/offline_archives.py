"""Read what Trackio, Comet and ClearML keep on disk, each with as much of its own code as there is for it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from autotrack.testing import MemoryRun


def read_trackio(project: str, run_id: str) -> MemoryRun:
    """Read a run through Trackio's storage, which its dashboard stands on."""
    from trackio.sqlite_storage import SQLiteStorage

    config = SQLiteStorage.get_run_config(project, None, run_id=run_id)
    assert config is not None
    about = config["autotrack"]
    [name] = {record["name"] for record in SQLiteStorage.get_run_records(project) if record["id"] == run_id}
    metrics: dict[str, list[tuple[int, float]]] = {}
    for row in SQLiteStorage.get_logs(project, name, run_id=run_id):
        for key, value in row.items():
            if key not in ("step", "timestamp"):
                metrics.setdefault(key, []).append((row["step"], float(value)))
    sizes = {}
    for artifact in SQLiteStorage.get_run_artifacts(project, name, run_id)["output"]:
        kind, model = artifact["type"], artifact["name"].removesuffix(f"-{run_id}")
        for entry in SQLiteStorage.get_artifact_manifest(project, artifact["name"], f"v{artifact['version']}")[
            "manifest"
        ]:
            sizes[entry["path"] if kind == "run-files" else f"{model}/{entry['path']}"] = entry["size"]
    params = {key: value for key, value in config.items() if key != "autotrack" and not key.startswith("_")}
    return MemoryRun(
        run_id, name, about["experiment"], None, "", about["status"], None, params, metrics, about["tags"], sizes
    )


def read_comet(folder: Path, run_id: str) -> MemoryRun:
    """Read an archive: its messages are what `comet upload` would send."""
    run = MemoryRun(run_id)
    others: dict[str, Any] = {}
    with zipfile.ZipFile(folder / f"{run_id}.zip") as archive:
        for line in archive.read("messages.json").splitlines():
            add_message(run, others, json.loads(line))
        assert json.loads(archive.read("experiment.json"))["offline_id"] == run_id
        for path, member in list(run.artifacts.items()):
            run.artifacts[path] = archive.getinfo(str(member)).file_size
    run.name, run.experiment, run.status = others["Name"], others["experiment"], others["status"]
    run.tags = {key.removeprefix("tag."): value for key, value in others.items() if key.startswith("tag.")}
    return run


def add_message(run: MemoryRun, others: dict[str, Any], message: dict[str, Any]) -> None:
    payload = message["payload"]
    match message["type"]:
        case "parameter_msg":
            found = payload.get("param") or payload["params"]
            if found["source"] == "manual":
                run.params[found["paramName"]] = found["paramValue"]
        case "metric_msg":
            found = payload["metric"]
            if found["metricName"] != "process duration":
                points = run.metrics.setdefault(found["metricName"], [])
                points.append((found["step"], float(found["metricValue"])))
        case "log_other":
            others[payload["key"]] = payload["value"]
        case "file_upload" if payload["additional_params"].get("type") is None:
            run.artifacts[payload["additional_params"]["fileName"]] = payload["file_path"]


def read_clearml(folder: Path, run_id: str) -> MemoryRun:
    """Read a session as `Task.import_offline_session` does: into ClearML's own types, which check each field."""
    from clearml.backend_api.services import events, tasks

    session = folder / f"offline-{run_id}"
    task = json.loads((session / "task.json").read_text())
    valid = tasks.EditRequest._get_data_props()
    request = tasks.EditRequest(
        task="0", **{key: value for key, value in task.items() if key in valid and key != "project"}
    )
    run = MemoryRun(run_id, request.name, task["project_name"])
    for line in (session / "metrics.jsonl").read_text().splitlines() if (session / "metrics.jsonl").exists() else ():
        for event in json.loads(line):
            if event.pop("type") == "training_stats_scalar":
                scalar = events.MetricsScalarEvent(**event)
                run.metrics.setdefault(scalar.metric, []).append((scalar.iter, scalar.value))
            else:
                assert json.loads(events.MetricsPlotEvent(**event).plot_str)["data"]
    sections = request.to_dict()["hyperparams"]
    run.params = {key: clearml_value(item) for key, item in sections["General"].items()}
    own = {key: item["value"] for key, item in sections["autotrack"].items()}
    run.status = own["status"]
    run.tags = {key.removeprefix("tag."): value for key, value in own.items() if key.startswith("tag.")}
    for artifact in request.to_dict()["execution"]["artifacts"]:
        local = artifact["uri"].replace(str(Path(task["offline_folder"]) / "data") + "/", "", 1)
        run.artifacts[artifact["key"]] = (session / "data" / local).stat().st_size
    return run


def clearml_value(item: dict[str, str]) -> Any:
    if item.get("type") == "str":
        return item["value"]
    return json.loads(item["value"]) if item.get("type") else None
