"""Our runs on the server: found by the tag that carries our id, or created, at most once.

`runs/create` makes a new run each time it is called, and the server chooses the id. So a run is looked for before it is
created: in the ledger of this home, then on the server by its tag `autotrack.run_id`. After a connection that broke in
the middle of creating, the batch is offered again and the search finds what the server has made.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from autotrack import names
from autotrack.backends.ledger import Entry, Ledger
from autotrack.backends.mlflow.batches import NANOSECONDS_A_MILLISECOND
from autotrack.backends.mlflow.client import MlflowClient
from autotrack.backends.mlflow.errors import ForbiddenError, RefusedError, RunRefusedError
from autotrack.backends.mlflow.limits import short_name
from autotrack.errors import RetryableError
from autotrack.records import AnyRecord, RunStarted

RUN_ID = "autotrack.run_id"
PARENT_ID = "autotrack.parent_run_id"
EXPERIMENT, NAME, RUN = "experiment", "name", "run"
DEFAULT_EXPERIMENT = "default"
MAX_OPEN = 256
MAX_EXPERIMENTS = 1_000


@dataclass
class RunSession:
    """A run as it stands on the server.

    Attributes:
        key: Our id.
        run_id: The server's id.
        artifact_uri: Where its files go.
        params: As the server has them; they cannot be changed there.
        tags: Likewise; these can.
        entry: What the ledger knows.
        files: Size and time of change of the files sent in this process, by path.
    """

    key: str
    run_id: str
    experiment_id: str
    artifact_uri: str
    params: dict[str, str]
    tags: dict[str, str]
    entry: Entry
    files: dict[str, tuple[int, int]] = field(default_factory=dict)


class Sessions:
    """Finds and creates runs; remembers the latest ones.

    Args:
        client: To the server.
        ledger: Of this server.
    """

    def __init__(self, client: MlflowClient, ledger: Ledger) -> None:
        self._client = client
        self._ledger = ledger
        self._open: OrderedDict[str, RunSession] = OrderedDict()
        self._experiments: dict[str, str] = {}
        self._refused: dict[str, str] = {}

    def open(self, key: str, records: Iterable[AnyRecord]) -> RunSession:
        """Return a run, created where the server does not have it.

        Args:
            key: Our id.
            records: Of the run; a new one takes its name, experiment and parent from the `RunStarted` among them.

        Raises:
            RunRefusedError: It was deleted on the server, or may not be made there.
        """
        if key in self._refused:
            raise RunRefusedError(self._refused[key])
        if key not in self._open:
            self._open[key] = self._find(key) or self._start(key, list(records))
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
        self._open.move_to_end(key)
        return self._open[key]

    def refuse(self, key: str, reason: str) -> RunRefusedError:
        """Take nothing more of a run; its records are then refused without asking the server each time."""
        self._open.pop(key, None)
        self._refused[key] = reason
        return RunRefusedError(reason)

    def review(self, session: RunSession) -> bool:
        """Look at a run again after the server has refused something of it; say whether its values have changed.

        Raises:
            RunRefusedError: It was deleted.
            RetryableError: The server does not know it any more; it is created again on the next try.
        """
        found = self._get(session.run_id)
        if found is None:
            self._open.pop(session.key)
            self._forget(session.key, session.entry)
            raise RetryableError(f"{self._client.address.url} has lost run {session.run_id}; beginning it again")
        seen = self._session(session.key, found, session.entry)
        changed = (seen.params, seen.tags) != (session.params, session.tags)
        session.params, session.tags = seen.params, seen.tags
        return changed

    def remote_id(self, key: str) -> str | None:
        """Return the server's id of a run of ours, or None where the server does not have it."""
        if key in self._open:
            return self._open[key].run_id
        known = self._ledger.load(key).ids.get(RUN)
        if known is not None:
            return known
        found = self._search(key, self._all_experiments())
        return None if found is None else str(found["info"]["run_id"])

    def check_access(self) -> None:
        """Ask for something that everybody may see.

        Raises:
            RetryableError: Even that is forbidden: not one run, but the whole server is closed to us.
        """
        try:
            self._client.post("experiments/search", {"max_results": 1})
        except ForbiddenError as error:
            raise RetryableError(f"{error}; check MLFLOW_TRACKING_USERNAME, _PASSWORD or _TOKEN") from error

    # Finding

    def _find(self, key: str) -> RunSession | None:
        entry = self._ledger.load(key)
        if RUN not in entry.ids:
            return None
        found = self._get(entry.ids[RUN])
        if found is None:  # another server under the same address, or one that was reset
            self._forget(key, entry)
            return None
        return self._session(key, found, entry)

    def _forget(self, key: str, entry: Entry) -> None:
        """Begin a run again under its name; all of its records are new to the server."""
        kept = {name: value for name, value in entry.ids.items() if name in {EXPERIMENT, NAME}}
        self._ledger.save(key, Entry(ids=kept))

    def _get(self, run_id: str) -> dict[str, Any] | None:
        try:
            return dict(self._client.get("runs/get", {"run_id": run_id})["run"])
        except RefusedError as error:
            if error.code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise

    def _search(self, key: str, experiments: list[str]) -> dict[str, Any] | None:
        if not experiments:
            return None
        query = {
            "experiment_ids": experiments,
            "filter": f"tags.`{RUN_ID}` = '{_tag(key)}'",
            "order_by": ["attributes.start_time ASC"],
            "run_view_type": "ALL",
            "max_results": 2,
        }
        runs = self._client.post("runs/search", query).get("runs", [])
        return dict(runs[0]) if runs else None

    def _all_experiments(self) -> list[str]:
        found = self._client.post("experiments/search", {"max_results": MAX_EXPERIMENTS}).get("experiments", [])
        return [str(experiment["experiment_id"]) for experiment in found]

    def _session(self, key: str, run: dict[str, Any], entry: Entry) -> RunSession:
        info, data = run["info"], run.get("data", {})
        if info.get("lifecycle_stage") == "deleted":
            url = self._client.address.url
            raise self.refuse(key, f"run {info['run_id']} was deleted on {url}; restore it there to go on with it")
        return RunSession(
            key=key,
            run_id=info["run_id"],
            experiment_id=str(info["experiment_id"]),
            artifact_uri=info["artifact_uri"],
            params={param["key"]: param.get("value", "") for param in data.get("params", [])},
            tags={tag["key"]: tag.get("value", "") for tag in data.get("tags", [])},
            entry=entry,
        )

    # Creating

    def _start(self, key: str, records: list[AnyRecord]) -> RunSession:
        started = next((record for record in records if isinstance(record, RunStarted)), None)
        known = self._ledger.load(key)
        if started is not None:
            experiment, name = started.experiment, started.name
        else:
            experiment = known.ids.get(EXPERIMENT, "")
            name = known.ids.get(NAME, key[:8])
        try:
            experiment_id = self._experiment_id(experiment or DEFAULT_EXPERIMENT)
            everywhere = started is None or started.resumed
            found = self._search(key, self._all_experiments() if everywhere else [experiment_id])
            if found is None:
                at = (started or records[0]).time
                found = self._create(key, name, experiment_id, at, started.parent_id if started else None)
        except RefusedError as error:
            self._experiments.clear()  # one of them may be deleted now
            if isinstance(error, ForbiddenError):
                self.check_access()
            raise self.refuse(key, str(error)) from error
        ids = {RUN: found["info"]["run_id"], EXPERIMENT: experiment, NAME: name}
        entry = Entry(ids={**known.ids, **ids}, writers=known.writers)
        session = self._session(key, found, entry)
        self._ledger.save(key, entry)
        return session

    def _create(self, key: str, name: str, experiment_id: str, time: int, parent: str | None) -> dict[str, Any]:
        tags = {RUN_ID: _tag(key)}
        if parent is not None:
            tags[PARENT_ID] = parent
            remote = self.remote_id(parent)
            if remote is not None:
                tags[names.PARENT_RUN_ID] = remote
        body = {
            "experiment_id": experiment_id,
            "run_name": short_name(name),
            "start_time": time // NANOSECONDS_A_MILLISECOND,
            "tags": [{"key": tag, "value": value} for tag, value in tags.items()],
        }
        return dict(self._client.post("runs/create", body)["run"])

    def _experiment_id(self, name: str) -> str:
        name = short_name(name)
        if name not in self._experiments:
            try:
                found = str(self._client.post("experiments/create", {"name": name})["experiment_id"])
            except RefusedError as error:
                if error.code != "RESOURCE_ALREADY_EXISTS":
                    raise
                found = self._existing_experiment(name)
            self._experiments[name] = found
        return self._experiments[name]

    def _existing_experiment(self, name: str) -> str:
        experiment = self._client.get("experiments/get-by-name", {"experiment_name": name})["experiment"]
        if experiment.get("lifecycle_stage") == "deleted":
            url = self._client.address.url
            raise RunRefusedError(f"experiment {name!r} was deleted on {url}; restore it there, or use another name")
        return str(experiment["experiment_id"])


def _tag(key: str) -> str:
    """Return a run id of ours as it stands in the tag: users may choose ids that a search could not quote."""
    return key if key.isalnum() else hashlib.sha256(key.encode()).hexdigest()
