"""Trainings that last over many calls: the calls on one object are the steps of one run.

The run stays open between the calls. It ends when the integration says so, when the object is no longer alive, with the
process, or with `disable`.
"""

from __future__ import annotations

import atexit
import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from autotrack.active import activated, take_run
from autotrack.patching.call import Call, CallFailedError


class LastingTraining(ABC):
    """The open run of one object.

    Args:
        subject: The object that is trained.
        name: Name of the run, where it is a new one.
        source: Name of the integration.
        tags: Tags of the run.

    Attributes:
        run: Its run: the user's own where one was active, else a new one.
        steps: Calls so far; the subclass counts.
    """

    def __init__(self, subject: Any, *, name: str | None, source: str, tags: dict[str, str]) -> None:
        self.run, self._ours = take_run(name, source=source, tags=tags)
        self.steps = 0
        self._subject = weakref.ref(subject)

    @abstractmethod
    def keep(self, subject: Any) -> None:
        """Record what is known only at the end; `subject` is None where the object is gone."""

    def fail(self, error: BaseException | None) -> None:
        """End the run, unless it is the user's own, for whom the exception goes on."""
        if self._ours:
            self.run.end_with(error)

    def close(self) -> None:
        """Record the end, and end the run where it is not the user's."""
        if self._ours and self.run.status is not None:
            return
        self.keep(self._subject())
        if self._ours:
            self.run.end()


AnyTraining = TypeVar("AnyTraining", bound=LastingTraining)


class LastingTrainings(Generic[AnyTraining]):
    """The trainings of one kind that are open, by the object that is trained.

    Args:
        begin: Opens the training of an object.
    """

    def __init__(self, begin: Callable[[Any], AnyTraining]) -> None:
        self._begin = begin
        self._open: dict[int, tuple[AnyTraining, weakref.finalize[[int], Any]]] = {}

    @contextmanager
    def part(self, call: Call) -> Iterator[AnyTraining]:
        """Give the training that a call is a step of; its run is the active one inside the block."""
        training = self._of(call.instance)
        call.run_used = training.run
        try:
            with activated(training.run):
                yield training
        except CallFailedError:
            self._forget(id(call.instance))
            training.fail(call.error)
            raise

    def _of(self, subject: Any) -> AnyTraining:
        found = self._open.get(id(subject))
        if found is not None and found[0].run.status is None:
            return found[0]
        self.close(subject)
        if not self._open:
            atexit.register(self.close_all)
        training = self._begin(subject)
        ends = weakref.finalize(subject, self._close, id(subject))
        ends.atexit = False
        self._open[id(subject)] = (training, ends)
        return training

    def close(self, subject: Any) -> None:
        """End the training of an object, if it has one open."""
        self._close(id(subject))

    def close_all(self) -> None:
        """End all trainings."""
        atexit.unregister(self.close_all)
        for key in list(self._open):
            self._close(key)

    def _close(self, key: int) -> None:
        training = self._forget(key)
        if training is not None and training.run.pid == os.getpid():
            training.close()

    def _forget(self, key: int) -> AnyTraining | None:
        training, ends = self._open.pop(key, (None, None))
        if ends is not None:
            ends.detach()
        return training
