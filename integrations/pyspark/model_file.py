"""The fitted model in Spark's own format, written in the background.

Saving runs jobs of Spark, so the thread that trains does not wait for it: it takes a copy of the model, and the worker
saves that. `SparkContext.stop` waits for it, since nothing can be saved afterwards.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.ml import PipelineModel

from autotrack.errors import AutotrackError
from autotrack.integration import Call
from autotrack.integrations.pyspark.reading import is_local
from autotrack.models.flavors.spark import spark_flavor
from autotrack.models.saving import save_model
from autotrack.models.snapshot import Snapshot
from autotrack.recording import current_recorder, open_recorder
from autotrack.run import Run

_unsaved: set[str] = set()
"""Uids of the models that wait to be saved."""


def log_model(run: Run, model: Any, dataset: Any) -> None:
    """Save a model with the run, if the settings ask for it and it can be saved."""
    if not current_recorder().settings.log_models:
        return
    if not is_local(dataset):
        message = "Spark's executors write to disks of their own; save it where they all can, with model.save(path)"
        run.note("model.skipped", message)
        return
    if not hasattr(model, "write"):
        run.note("model.skipped", f"{type(model).__name__} is not MLWritable")
        return
    pipeline = model if isinstance(model, PipelineModel) else PipelineModel([model])
    copy, session = pipeline.copy(), dataset.sparkSession
    _unsaved.add(copy.uid)
    run.defer("saving the model", lambda: _save(run, copy, session))


def _save(run: Run, model: Any, session: Any) -> None:
    try:
        save_model(run, lambda path: _take(model, session, path), spark_flavor)
    finally:
        _unsaved.discard(model.uid)


def _take(model: Any, session: Any, path: Path) -> Snapshot:
    started = time.perf_counter()
    try:
        model.write().overwrite().session(session).save(path.absolute().as_uri())
    except Exception as error:
        shutil.rmtree(path, ignore_errors=True)
        raise AutotrackError(f"Spark cannot save it: {type(error).__name__}: {error}") from error
    return Snapshot(
        path=path,
        size=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        format="spark",
        protocol=0,
        model_class=f"{type(model).__module__}.{type(model).__qualname__}",
        predicts=True,
        modules=tuple(sorted({type(stage).__module__ for stage in model.stages})),
        seconds=time.perf_counter() - started,
    )


def observe_stop(call: Call) -> Iterator[None]:  # noqa: ARG001 - as the patcher asks
    """Let models that wait to be saved be saved before their context ends."""
    recorder = open_recorder()
    if recorder is not None and _unsaved:
        recorder.worker.drain(recorder.settings.exit_timeout)
    yield
