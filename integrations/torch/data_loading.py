"""Iterations of data loaders: what they read, how long the program waited for it, and which split it is."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.dataloader import _BaseDataLoaderIter
from torch.utils.data.sampler import RandomSampler

from autotrack.capture.data import known_length
from autotrack.held_out.split_names import split_by_name
from autotrack.integration import Patcher
from autotrack.integrations.torch.session import is_own, session
from autotrack.recording import current_recorder
from autotrack.run import Run
from autotrack.shield import contain

MAX_DATASET = 2**31
"""Bytes of a dataset of tensors up to which its fingerprint is taken."""

_feeds: weakref.WeakKeyDictionary[Any, Feed] = weakref.WeakKeyDictionary()
_splits: weakref.WeakKeyDictionary[Any, str | None] = weakref.WeakKeyDictionary()


class Feed:
    """One iteration over a data loader.

    Args:
        loader: The loader; it is referred to weakly.

    Attributes:
        split: The split that the program's names for the loader speak of, or None.
        rows: Samples it has given.
        waited: Seconds the program waited for them.
        trained: Whether an optimizer step was made from them.
    """

    __slots__ = ("__weakref__", "_began", "_loader", "rows", "split", "trained", "waited")

    def __init__(self, loader: Any) -> None:
        self._loader = weakref.ref(loader)
        self._began = perf_counter()
        if loader not in _splits:
            _splits[loader] = split_by_name(loader)
        self.split = _splits[loader]
        self.rows = 0
        self.waited = 0.0
        self.trained = False

    @property
    def loader(self) -> Any:
        """The loader, while the program has it."""
        return self._loader()

    def seconds(self) -> float:
        """Return the time since it began."""
        return perf_counter() - self._began


def patch_data_loading(patcher: Patcher, over: Callable[[Feed], None]) -> None:
    """Watch iterations over data loaders.

    Args:
        patcher: Undoes it.
        over: Called when one is over, or its loader starts anew.
    """
    patcher.wrap(DataLoader, "__iter__", lambda original: _watched_iter(patcher, original, over))
    patcher.wrap(_BaseDataLoaderIter, "__next__", lambda original: _watched_next(patcher, original, over))


def _watched_iter(patcher: Patcher, original: Callable[[Any], Any], over: Callable[[Feed], None]) -> Callable[..., Any]:
    def autotrack_iter(self: Any) -> Any:
        __tracebackhide__ = True
        iterator = original(self)
        try:
            if patcher.live and is_own():
                last = session().feed
                if last is not None and last.trained and last.loader is self:
                    over(last)
                _feeds[iterator] = Feed(self)
        except Exception as error:  # noqa: BLE001 - contained, and raised in tests
            contain(error, "observing a data loader")
        return iterator

    return autotrack_iter


def _watched_next(patcher: Patcher, original: Callable[[Any], Any], over: Callable[[Feed], None]) -> Callable[..., Any]:
    def autotrack_next(self: Any) -> Any:
        __tracebackhide__ = True
        feed = _feeds.get(self)
        if feed is None or not patcher.live:
            return original(self)
        began = perf_counter()
        try:
            batch = original(self)
        except StopIteration:
            _end(self, feed, over)
            raise
        feed.waited += perf_counter() - began
        feed.rows += rows_of(batch)
        session().feed = feed
        return batch

    return autotrack_next


def _end(iterator: Any, feed: Feed, over: Callable[[Feed], None]) -> None:
    try:
        _feeds.pop(iterator, None)
        if session().feed is feed:
            session().feed = None
        over(feed)
    except Exception as error:  # noqa: BLE001 - contained, and raised in tests
        contain(error, "observing the end of an epoch")


def rows_of(batch: Any) -> int:
    """Return the number of samples in a batch: the length of the first tensor in it, 0 where there is none."""
    while True:
        if isinstance(batch, torch.Tensor):
            return batch.shape[0] if batch.dim() else 1
        if type(batch) in (list, tuple) and batch:
            batch = batch[0]
        elif isinstance(batch, Mapping) and batch:
            batch = next(iter(batch.values()))
        else:
            return 0


def describe(feed: Feed) -> dict[str, Any]:
    """Return what a loader is set to, as parameters of the training."""
    loader = feed.loader
    if loader is None:
        return {}
    known = {
        "batch_size": loader.batch_size,
        "num_workers": loader.num_workers,
        "drop_last": loader.drop_last,
        "shuffle": isinstance(loader.sampler, RandomSampler),
        "dataset": type(loader.dataset).__name__,
        "n_train_samples": known_length(loader.dataset),
    }
    return {key: value for key, value in known.items() if value is not None}


def log_dataset(run: Run, feed: Feed) -> None:
    """Log the fingerprint of a dataset that holds tensors in main memory, if the settings ask for it."""
    dataset = getattr(feed.loader, "dataset", None)
    if not current_recorder().settings.log_datasets or type(dataset) is not TensorDataset:
        return
    tensors = [tensor for tensor in dataset.tensors if tensor.device.type == "cpu" and tensor.nbytes < MAX_DATASET]
    if len(tensors) == len(dataset.tensors) and all(tensor.dtype != torch.bfloat16 for tensor in tensors):
        arrays = [tensor.detach().numpy() for tensor in tensors]
        target = arrays[1] if len(arrays) == 2 else None
        run.log_dataset(arrays[0], name="training", target=target, context="train")


def forget_all() -> None:
    """Forget all iterations."""
    _feeds.clear()
    _splits.clear()
