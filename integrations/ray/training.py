"""The `fit` of trainers of Ray Train as one run: how it was set up, what rank 0 reports, checkpoints and failures."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from ray.train.v2._internal.execution.train_fn_utils import LocalTrainFnUtils

from autotrack import names
from autotrack.capture.arguments import plain
from autotrack.integration import Call, Patcher
from autotrack.integrations.ray.mailbox import Message, mailbox, reporter
from autotrack.integrations.ray.results import numbers_of, params_of
from autotrack.integrations.ray.workers import in_worker
from autotrack.naming import run_name
from autotrack.patching.nesting import active_call
from autotrack.run import Run
from autotrack.shield import shielded

SOURCE = "ray"
CHECKPOINTS = "checkpoints.csv"


def observe_fit(call: Call) -> Iterator[None]:
    """Record a training; what trains in its workers is a part of it."""
    trainer = call.instance
    kind = type(trainer).__name__
    with call.run(run_name(kind), tags={names.AUTOLOGGING: SOURCE}) as run:
        _log_beginning(run, trainer)
        call.memo = reports = Reports(run)
        with _listening(call, trainer, reports):
            yield
        _log_end(run, call.result, reports)


class Reports:
    """What a training has reported so far.

    Attributes:
        run: The run of the training.
        count: How many reports came; each is a step, the first one 1, as Tune counts iterations.
        checkpoints: Number of the report and path of each checkpoint.
    """

    def __init__(self, run: Run) -> None:
        self.count = 0
        self.checkpoints: list[tuple[int, str]] = []
        self.run = run
        self._lost = 0

    def take(self, message: Message) -> None:
        """Record what a message from the controller says."""
        for rank, error in message.get("errors", {}).items():
            self.run.note("ray.worker_failed", f"worker {rank} failed: {error}", level="warning")
        if "metrics" in message:
            self.add(message["metrics"], message["checkpoint"])
        self._lost += bool(message.get("lost"))

    def add(self, metrics: Mapping[str, Any], checkpoint: str | None) -> None:
        """Record one report."""
        self.count += 1
        self.run.log_metrics(numbers_of(metrics), self.count)
        if checkpoint is not None:
            self.checkpoints.append((self.count, checkpoint))

    def close(self, last: Mapping[str, Any] | None) -> None:
        """Say what is missing; of a training whose reports did not arrive, record the last one.

        Args:
            last: Metrics of the last report, as Ray keeps them.
        """
        if last and not self.count:
            self.add(last, None)
            self.run.note("ray.reports_unseen", "only the last report is recorded: the others did not arrive here")
        if self._lost:
            self.run.note("ray.reports_lost", f"{self._lost} reports did not arrive here: too large, or too many")


def watch_local_reports(patcher: Patcher) -> None:
    """Listen to reports of trainers without workers (`ScalingConfig(num_workers=0)`), which train in this process."""

    def make(original: Callable[..., None]) -> Callable[..., None]:
        def autotrack_report(
            self: Any, metrics: dict[str, Any], checkpoint: Any = None, *args: Any, **more: Any
        ) -> None:
            __tracebackhide__ = True
            original(self, metrics, checkpoint, *args, **more)
            if patcher.live:
                with shielded("recording a report of Ray Train"):
                    reports = getattr(active_call(), "memo", None)
                    if isinstance(reports, Reports):
                        reports.add(metrics, getattr(checkpoint, "path", None))

        return autotrack_report

    patcher.wrap(LocalTrainFnUtils, "report", make)


def _log_beginning(run: Run, trainer: Any) -> None:
    scaling, backend = trainer.scaling_config, trainer.backend_config
    run.log_params(
        {
            "trainer": type(trainer).__name__,
            "num_workers": scaling.num_workers,
            "use_gpu": scaling.use_gpu,
            "resources_per_worker": plain(scaling.resources_per_worker),
            "backend": type(backend).__name__,
            "max_failures": trainer.run_config.failure_config.max_failures,
            **({"datasets": sorted(trainer.datasets)} if trainer.datasets else {}),
            **params_of(trainer.train_loop_config),
        }
    )
    run.set_tag("ray.run_name", trainer.run_config.name)


@contextmanager
def _listening(call: Call, trainer: Any, reports: Reports) -> Iterator[None]:
    """Hear what the controller has to say, which gets a copy of the trainer for it."""
    with ExitStack() as stack:
        if not trainer.running_in_local_mode:
            try:
                address = stack.enter_context(mailbox(reports.take))
            except OSError as error:
                reports.run.note("ray.mailbox", f"nobody listens to the controller: {error}", level="warning")
            else:
                call.args = (_reporting(trainer, address, reports.run.id), *call.args[1:])
        yield


def _reporting(trainer: Any, address: str, run_id: str) -> Any:
    """Return a copy of a trainer whose controller reports to us, and whose workers know the run."""
    twin = copy.copy(trainer)
    twin.run_config = copy.copy(trainer.run_config)
    twin.run_config.callbacks = [*(trainer.run_config.callbacks or ()), reporter(address)]
    twin.train_loop_per_worker = in_worker(trainer.train_loop_per_worker, run_id)
    return twin


def _log_end(run: Run, result: Any, reports: Reports) -> None:
    reports.close(result.metrics)
    if result.path:
        run.set_tag("ray.path", result.path)
    if reports.checkpoints:
        kept = {checkpoint.path for checkpoint, _ in result.best_checkpoints or ()}
        run.log_table(
            {
                "report": [at for at, _ in reports.checkpoints],
                "path": [path for _, path in reports.checkpoints],
                "kept": [path in kept for _, path in reports.checkpoints],
            },
            CHECKPOINTS,
        )
