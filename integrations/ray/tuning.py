"""A search by Tune as one run, with its trials below it: `Tuner.fit` and `tune.run`, which it calls."""

from __future__ import annotations

from collections.abc import Iterator

from autotrack import names
from autotrack.integration import Call
from autotrack.integrations.ray.callback import AutotrackCallback
from autotrack.integrations.ray.studies import SOURCE, Study, log_beginning, study_name
from autotrack.integrations.ray.workers import in_trial


def observe_run(call: Call) -> Iterator[None]:
    """Record a search. Tune adds to the list of callbacks it gets: that is a copy here, and not the user's."""
    arguments = call.arguments()
    with call.run(name=study_name(arguments), tags={names.AUTOLOGGING: SOURCE}) as run:
        log_beginning(run, arguments)
        callbacks = list(arguments["callbacks"] or ())
        given = next((each for each in callbacks if isinstance(each, AutotrackCallback)), None)
        callback = given or AutotrackCallback()
        callback.attach(Study(run, arguments["metric"], arguments["mode"]))
        call.replace(
            run_or_experiment=in_trial(arguments["run_or_experiment"], run.id),
            callbacks=callbacks if given is not None else [*callbacks, callback],
        )
        try:
            yield
        finally:
            callback.attach(None)
