"""The backend for MLflow servers: what a batch of records says about each run becomes a few requests.

Every request may come twice: the server passes over points, params, inputs and files that it has; runs and models are
found again by a tag. So a batch that broke off in the middle is simply offered again. The ledger moves on after each
run of a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from autotrack.backends.base import BackendContext
from autotrack.backends.gather import RunUpdate, gather, records_by_run
from autotrack.backends.ledger import Ledger
from autotrack.backends.mlflow.address import read_address
from autotrack.backends.mlflow.artifacts import ArtifactStore
from autotrack.backends.mlflow.batches import NANOSECONDS_A_MILLISECOND, metric_items, send, split, text_items
from autotrack.backends.mlflow.client import MlflowClient
from autotrack.backends.mlflow.datasets import log_inputs
from autotrack.backends.mlflow.errors import ForbiddenError, RefusedError
from autotrack.backends.mlflow.models import REGISTER_AS, Models, is_model_file, unfinished_models
from autotrack.backends.mlflow.sessions import RunSession, Sessions
from autotrack.backends.mlflow.values import News, read_news
from autotrack.backends.pictures import Pictures
from autotrack.content import artifact_name
from autotrack.errors import RetryableError
from autotrack.records import FAILED, FINISHED, INTERRUPTED, KILLED, AnyRecord, RunEnded

logger = logging.getLogger("autotrack")

STATUS = {FINISHED: "FINISHED", FAILED: "FAILED", INTERRUPTED: "KILLED", KILLED: "KILLED"}


class MlflowBackend:
    """Write runs to an MLflow server.

    Args:
        url: `http(s)://host:port`, also with `mlflow+` before it.
        context: Where the files of runs are.

    Raises:
        StoreUnavailableError: The URL names no server.
        MissingDependencyError: urllib3 is not installed.
    """

    def __init__(self, url: str, context: BackendContext) -> None:
        self._client = MlflowClient(read_address(url))
        self._context = context
        self._ledger = Ledger(context.home, self._client.address.url)
        self._sessions = Sessions(self._client, self._ledger)
        self._store = ArtifactStore(self._client)
        self._models = Models(self._client, self._store)
        self._pictures = Pictures()

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Send records; what the server refuses of one run does not hold up the others.

        Raises:
            RetryableError: The server cannot take them now.
            RefusedError: It will never take something among them. All other runs are sent.
        """
        refusals = []
        for run_id, mine in records_by_run(records).items():
            try:
                self._write_run(run_id, mine)
            except RefusedError as error:
                refusals.append(error)
            except KeyError as error:  # JSON, but not MLflow's: something stands between
                raise RetryableError(f"{self._client.address.url} left {error} out of its answer") from error
        if refusals:
            raise refusals[0]

    def flush(self) -> None:
        """Do nothing: the server has what it has answered."""

    def close(self) -> None:
        """Close connections and the ledger."""
        self._pictures.close()
        self._client.close()
        self._ledger.close()

    def _write_run(self, run_id: str, records: Sequence[AnyRecord]) -> None:
        session = self._sessions.open(run_id, records)
        update = gather(run_id, records, session.entry.writers)
        if update is None:
            return
        try:
            self._send(session, update)
        except ForbiddenError as error:
            self._sessions.check_access()
            raise self._sessions.refuse(run_id, str(error)) from error
        except RefusedError:
            if not self._sessions.review(session):
                raise
            self._send(session, update)  # another process has set params of this run meanwhile
        session.entry.writers.update(update.writers)
        self._ledger.save(run_id, session.entry)

    def _send(self, session: RunSession, update: RunUpdate) -> None:
        news = read_news(update, session.params, session.tags)
        self._send_values(session, update, news)
        root = self._context.artifacts / update.run_id
        for path, content in news.files.items():
            self._store.put(session.artifact_uri, path, content)
        for path in map(artifact_name, update.artifacts):
            if not is_model_file(root, path, update.run_id):
                self._send_file(session, root, path)
        log_inputs(self._client, session.run_id, update.datasets)
        for evaluation in update.evaluations.values():
            for path, content in self._pictures.draw(evaluation).items():
                self._store.put(session.artifact_uri, path, content)
        self._send_models(session, update, root)
        self._send_life(session, update, root)

    def _send_values(self, session: RunSession, update: RunUpdate, news: News) -> None:
        items = metric_items(update.points), text_items(news.params), text_items(news.tags)
        for batch in split(*items):
            send(self._client, session.run_id, batch)
        session.params.update(news.params)
        session.tags.update(news.tags)
        for key in news.removed:
            try:
                self._client.post("runs/delete-tag", {"run_id": session.run_id, "key": key})
            except RefusedError as error:
                if error.code != "RESOURCE_DOES_NOT_EXIST":
                    raise
            session.tags.pop(key, None)

    def _send_file(self, session: RunSession, root: Path, path: str) -> None:
        """Send a file as it is now, unless this process has."""
        source = root / path
        try:
            found = source.stat()
            mark = (found.st_size, found.st_mtime_ns)
            if session.files.get(path) == mark:
                return
            self._store.put(session.artifact_uri, path, source)
        except FileNotFoundError:
            raise RefusedError(f"the file {source} is gone") from None
        session.files[path] = mark

    def _send_models(self, session: RunSession, update: RunUpdate, root: Path) -> None:
        for model in update.models:
            self._models.log(session, model, root)
        name = session.tags.get(REGISTER_AS)
        if name and (update.models or REGISTER_AS in update.tags):
            self._models.register(session, name)

    def _send_life(self, session: RunSession, update: RunUpdate, root: Path) -> None:
        if isinstance(update.life, RunEnded):
            if update.life.status == KILLED:
                sent = {key.removeprefix("model:") for key in session.entry.ids}
                for path in unfinished_models(root, update.run_id, sent):
                    self._send_file(session, root, path)
            status, end = STATUS[update.life.status], update.life.time // NANOSECONDS_A_MILLISECOND
            self._client.post("runs/update", {"run_id": session.run_id, "status": status, "end_time": end})
        elif update.life is not None and update.life.resumed:
            self._client.post("runs/update", {"run_id": session.run_id, "status": "RUNNING"})
