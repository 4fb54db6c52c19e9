"""`Study.ask` and `Study.tell`: the program's own loop over trials is one run, each trial lasts from ask to tell.

The run ends when the study is optimized, when it is no longer alive, with the process, or with `disable`.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial, Trial, TrialState

from autotrack.active import pop, push
from autotrack.integration import Call, CallFailedError
from autotrack.integrations.optuna.studies import SOURCE, log_beginning, log_results, run_name, tags_of
from autotrack.integrations.optuna.trials import OngoingTrial, value_names
from autotrack.patching.lasting import LastingTraining, LastingTrainings
from autotrack.run import Run

if TYPE_CHECKING:
    from optuna.study import Study


class AskedStudy(LastingTraining):
    """The open run of a study, and its trials that were asked for and not told yet.

    It is the prospect that is active while a thread has trials to tell.
    """

    def __init__(self, study: Study) -> None:
        super().__init__(study, name=run_name(study), source=SOURCE, tags=tags_of(study))
        self._twin = copy.copy(study)  # the same storage: it tells of all trials when the study itself is gone
        self._labels = value_names(study)
        self._waiting: dict[int, tuple[int, OngoingTrial]] = {}
        self._recorded: set[int] = set()
        log_beginning(self.run, study, {})

    def asked(self, trial: Trial) -> None:
        """Let what this thread trains from now on belong to the trial."""
        pop(self)
        push(self)
        self._waiting[trial.number] = threading.get_ident(), OngoingTrial(self.run, trial, self._recorded)

    def told(self, trial: FrozenTrial) -> None:
        """Take down how a trial came out; whatever becomes of that, this thread trains for it no more."""
        _, ongoing = self._waiting.pop(trial.number, (0, None))
        if not self._mine():
            pop(self)
        if trial.state == TrialState.COMPLETE:
            self.run.log_metrics(dict(zip(self._labels, trial.values, strict=True)), trial.number)
        if ongoing is not None:
            ongoing.describe(trial, trial.state, self._labels, trial.values)
            ongoing.end(trial.state)

    def open(self) -> Run | None:
        """Return the run of this thread's trial; of several nobody knows which one a training is for: the study's."""
        mine = self._mine()
        if len(mine) > 1:
            return self.run
        return mine[0].open() if mine else None

    def _mine(self) -> list[OngoingTrial]:
        here = threading.get_ident()
        return [trial for thread, trial in list(self._waiting.values()) if thread == here]

    def keep(self, subject: Study | None) -> None:  # noqa: ARG002 - the twin tells the same
        """Record all trials; those that were never told are over as well."""
        for _, ongoing in self._waiting.values():
            ongoing.end(TrialState.RUNNING)
        self._waiting.clear()
        log_results(self.run, self._twin, self._recorded)


open_studies = LastingTrainings(AskedStudy)


def observe_ask(call: Call) -> Iterator[None]:
    """Open the run of a study with its first trial, and let the trial begin."""
    with open_studies.part(call) as study:
        try:
            yield
        except CallFailedError:  # the program may go on with the study
            return
        study.asked(call.result)


def observe_tell(call: Call) -> Iterator[None]:
    """Let a trial end."""
    with open_studies.part(call) as study:
        try:
            yield
        except CallFailedError:  # the program may tell it better
            return
        study.told(call.result)
