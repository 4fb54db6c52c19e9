"""Read what the TensorBoard backend writes, with TensorBoard's own EventAccumulator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util.tensor_util import make_ndarray

from autotrack.testing import MemoryRun


def accumulated(folder: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder), size_guidance=dict.fromkeys(["scalars", "tensors", "images"], 0))
    accumulator.Reload()
    return accumulator


def directory(root: Path, run_id: str) -> Path:
    return root / (root / ".autotrack" / run_id).read_text()


def session(accumulator: EventAccumulator, tag: str) -> Any:
    content = accumulator.SummaryMetadata(f"_hparams_/session_{tag}_info").plugin_data.content
    return getattr(plugin_data_pb2.HParamsPluginData.FromString(content), f"session_{tag}_info")


def table(accumulator: EventAccumulator, tag: str) -> dict[str, str]:
    if tag not in accumulator.Tags()["tensors"]:
        return {}
    text = make_ndarray(accumulator.Tensors(tag)[-1].tensor_proto).item().decode()
    return dict(re.fullmatch(r"\| (.*) \| (.*) \|", line).groups() for line in text.splitlines()[2:])


def read(folder: Path) -> MemoryRun:
    accumulator = accumulated(folder)
    run = table(accumulator, "run")
    params = {
        key: getattr(value, value.WhichOneof("kind")) for key, value in session(accumulator, "start").hparams.items()
    }
    metrics = {
        tag: [(point.step, float(str(np.float32(point.value)))) for point in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }
    return MemoryRun(
        id=run["id"],
        name=run["name"],
        experiment=run["experiment"],
        status=run["status"],
        params=params,
        metrics=metrics,
        tags=table(accumulator, "tags"),
        artifacts={path: int(size) for path, size in table(accumulator, "files").items()},
    )
