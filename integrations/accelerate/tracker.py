"""What a program gives to `accelerator.init_trackers` and `accelerator.log`, as one run of all its processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from accelerate.tracking import GeneralTracker, on_main_process

from autotrack.active import active_run, pop, push
from autotrack.run import Run
from autotrack.shield import shielded

if TYPE_CHECKING:
    _Tracker = object
else:
    _Tracker = GeneralTracker


class AutotrackTracker(_Tracker):
    """Log what an `Accelerator` is told, on the main process alone.

    The configuration becomes params, numbers become metrics, texts become tags. With `autotrack.enable()` the training
    loop is recorded in the same run.

    Args:
        experiment: The experiment of a new run. Default: the setting's.
        run_name: What to call a new run. Default: drawn at random.
        run: Where to log. Default: the active run, else a new one, which `accelerator.end_training()` ends.

    Example:
        >>> from accelerate import Accelerator
        >>> from autotrack.integrations.accelerate import AutotrackTracker
        >>> accelerator = Accelerator(log_with=AutotrackTracker("churn"))
        >>> accelerator.init_trackers("churn", config={"learning_rate": 0.1})
        >>> accelerator.log({"loss": 0.5}, step=1)
        >>> accelerator.end_training()
    """

    name = "autotrack"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, experiment: str | None = None, *, run_name: str | None = None, run: Run | None = None) -> None:
        super().__init__()
        self._experiment = experiment
        self._run_name = run_name
        self._run = run
        self._is_own = False
        self._next_step = 0

    @property
    def tracker(self) -> Run | None:
        """The run, for verbs of its own, as `accelerator.get_tracker("autotrack", unwrap=True)` gives it."""
        return self._run

    @on_main_process  # type: ignore[untyped-decorator]
    def start(self) -> None:
        """Begin the run, unless there is one."""
        with shielded("beginning the run of an accelerator"):
            self._begin()

    def _begin(self) -> Run:
        """Return the run; older Accelerates call no `start`."""
        self._run = self._run or active_run()
        if self._run is None:
            self._run = Run(self._run_name, experiment=self._experiment, source="accelerate")
            self._is_own = True
            push(self._run)
        return self._run

    @on_main_process  # type: ignore[untyped-decorator]
    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Log the configuration as params; nested ones as `optimizer/lr`."""
        with shielded("logging the configuration of an accelerator"):
            self._begin().log_params(dict(_flat(values)))

    @on_main_process  # type: ignore[untyped-decorator]
    def log(self, values: Mapping[str, Any], step: int | None = None, **kwargs: Any) -> None:  # noqa: ARG002 - Accelerate passes on what a program has for single trackers
        """Log numbers as metrics and texts as tags.

        Args:
            values: Names and values; nested ones become `loss/train`.
            step: Of the metrics. Default: one after the last.
            **kwargs: Nothing is done with them.
        """
        with shielded("logging what an accelerator is told"):
            run = self._begin()
            at = self._next_step if step is None else step
            self._next_step = at + 1
            told = dict(_flat(values))
            texts = {key: value for key, value in told.items() if isinstance(value, str)}
            run.set_tags(texts)
            run.log_metrics({key: value for key, value in told.items() if key not in texts}, at)

    @on_main_process  # type: ignore[untyped-decorator]
    def finish(self) -> None:
        """End the run, if the tracker began it."""
        run, own = self._run, self._is_own
        self._run, self._is_own = None, False
        if run is not None and own:
            with shielded("ending the run of an accelerator", run.note):
                pop(run)
                run.end()


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value
