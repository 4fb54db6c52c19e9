"""Results of `torchmetrics`: what `compute()` returns to the program, under the name of the metric's class."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import torch

from autotrack.integration import Patcher
from autotrack.integrations.torch.session import is_own, session
from autotrack.integrations.torch.transfer import copy_of
from autotrack.shield import contain

METRIC = "torchmetrics.metric"
COLLECTION = "torchmetrics.collections"


def patch_metric(patcher: Patcher, module: ModuleType) -> None:
    """Watch `compute` of every metric made from now on; values of single batches are no results."""
    patcher.wrap(module.Metric, "_wrap_compute", lambda original: _wrapping(patcher, original))
    patcher.wrap(module.Metric, "forward", _inside)


def patch_collection(patcher: Patcher, module: ModuleType) -> None:
    """Watch the results of collections, under the names that the program gave to the metrics."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        inner = _inside(original)

        def autotrack_compute_all(self: Any, method_name: str, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            results = inner(self, method_name, *args, **kwargs)
            if method_name == "compute":
                _take(patcher, "", results)
            return results

        return autotrack_compute_all

    patcher.wrap(module.MetricCollection, "_compute_and_reduce", make)


def _wrapping(patcher: Patcher, original: Callable[..., Any]) -> Callable[..., Any]:
    def autotrack_wrap_compute(self: Any, compute: Callable[..., Any]) -> Any:
        computing = original(self, compute)
        if computing is compute:  # a sum or another combination of metrics
            return computing
        inner = _inside(computing)
        name = type(self).__name__

        @functools.wraps(computing)
        def autotrack_compute(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            value = inner(*args, **kwargs)
            _take(patcher, name, value)
            return value

        return autotrack_compute

    return autotrack_wrap_compute


def _inside(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that runs another one, in which metrics are computed that are no results of the program's."""

    def autotrack_inside(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        session().computing += 1
        try:
            return original(*args, **kwargs)
        finally:
            session().computing -= 1

    return autotrack_inside


def _take(patcher: Patcher, name: str, value: Any) -> None:
    try:
        loop = session().loop
        if patcher.live and loop is not None and not session().computing and is_own():
            prefix = f"{session().phase}_{name}"
            found = (
                {f"{prefix}{key}": item for key, item in value.items()}
                if isinstance(value, Mapping)
                else {prefix: value}
            )
            tensors = {key: copy_of(item) for key, item in found.items() if _is_number(item)}
            loop.log_results(tensors)
    except Exception as error:  # noqa: BLE001 - contained, and raised in tests
        contain(error, f"observing the metric {name}")


def _is_number(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.numel() == 1
