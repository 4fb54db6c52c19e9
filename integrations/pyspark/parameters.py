"""The stages of an estimator and their parameters, under the names that MLflow's autologging of `pyspark.ml` gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pyspark.ml.param import Params

from autotrack.capture.arguments import plain

GRID = "estimatorParamMaps"


def own_params(stage: Params) -> dict[str, Any]:
    """Return the parameters that are set or have a default, by name; `Params.params` would leave a cache behind."""
    return {param.name: value for param, value in stage.extractParamMap().items()}


def parts_of(stage: Params) -> list[Params]:
    """Return what a stage is made of: those of a pipeline, the estimator and the evaluator of a search."""
    parts = []
    for value in own_params(stage).values():
        parts += [item for item in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(item, Params)]
    return parts


def all_stages(stage: Params) -> Iterator[Params]:
    """Yield a stage and all that it is made of, depth first."""
    yield stage
    for part in parts_of(stage):
        yield from all_stages(part)


def stage_names(estimator: Params) -> dict[str, str]:
    """Return the name of each stage by its uid: its class, with a number where there are several of it."""
    stages = {stage.uid: type(stage).__name__ for stage in all_stages(estimator)}
    total, seen = Counter(stages.values()), Counter[str]()
    found = {}
    for uid, kind in stages.items():
        seen[kind] += 1
        found[uid] = f"{kind}_{seen[kind]}" if total[kind] > 1 else kind
    return found


def params_of(estimator: Params, names: Mapping[str, str]) -> dict[str, Any]:
    """Return all parameters: those of the estimator by their names, those of its stages as `<stage>.<name>`.

    The grid of a search is left out: its candidates are recorded.

    Args:
        estimator: What is fitted.
        names: Of its stages; see `stage_names`.
    """
    found: dict[str, Any] = {}
    for stage in all_stages(estimator):
        prefix = "" if stage is estimator else f"{names.get(stage.uid, type(stage).__name__)}."
        for name, value in own_params(stage).items():
            if name != GRID:
                found[f"{prefix}{name}"] = _value(value, names)
    return found


def map_names(changes: Mapping[Any, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a param map as Spark takes it by `<stage>.<name>`."""
    return {f"{names.get(param.parent, param.parent)}.{param.name}": _value(v, names) for param, v in changes.items()}


def _value(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Params):
        return names.get(value.uid, type(value).__name__)
    if isinstance(value, (list, tuple)):
        return [_value(item, names) for item in value]
    return plain(value)
