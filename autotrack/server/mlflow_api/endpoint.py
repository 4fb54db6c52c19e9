"""What every endpoint does: read the request, ask whether the caller may, run in one transaction, answer.

An endpoint is a line in a table: method, path, the struct that its request is read into, the function that answers it,
and the role which that needs, and where. A line without a role cannot be written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import Connection, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from autotrack.server.caller import NOBODY, READER, WRITER, Caller
from autotrack.server.context import caller_of
from autotrack.server.mlflow_api.protocol import FORBIDDEN, ProtocolError, answer_error, json_reply
from autotrack.server.mlflow_api.requests import ModelId
from autotrack.store.schema import experiment
from autotrack.store.tracking.files import MODEL, owner_of
from autotrack.store.tracking.runs import find_run

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams
    from starlette.requests import Request
    from starlette.responses import Response

    from autotrack.server.files.base import FileStore
    from autotrack.store.store import Store


class Tracking:
    """What all endpoints share.

    Args:
        store: Open for changes.
        files: Where the files of runs and models are.
    """

    def __init__(self, store: Store, files: FileStore) -> None:
        self.store = store
        self.files = files
        # SQLite lets one writer in at a time, and who waits inside it sleeps and polls; who waits here is woken.
        self.turn: Any = nullcontext() if store.is_shared else threading.Lock()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that is committed at the end."""
        with self.turn, self.store.hot_writing() as connection:
            yield connection

    @contextmanager
    def step(self) -> Iterator[Connection]:
        """Give a connection for one hot statement, which is a transaction by itself."""
        with self.turn, self.store.hot_step() as connection:
            yield connection


class Call(NamedTuple):
    """A request on its way through an endpoint.

    Attributes:
        connection: Its transaction.
        caller: Who asks.
        tracking: What all endpoints share.
    """

    connection: Connection
    caller: Caller
    tracking: Tracking

    @property
    def store(self) -> Store:
        """The store, for functions that begin transactions: theirs are parts of this one."""
        return self.tracking.store.within(self.connection)

    def visible(self, experiments: Collection[int] | None = None) -> list[int] | None:
        """Return those of some experiments, or of all, that the caller may read; None for all there are."""
        if experiments is not None:
            return [one for one in experiments if self.caller.may(READER, one)]
        if self.caller.may_everywhere(READER):
            return None
        ids = self.connection.scalars(select(experiment.c.id))
        return [one for one in ids if self.caller.may(READER, one)]


Scope: TypeAlias = Callable[[Connection, Any], int | None]
"""Finds the experiment that a request is about; None for what belongs to none."""


class Endpoint:
    """An endpoint; `answer` is what Starlette calls.

    Args:
        method: Such as "POST".
        path: Below the prefix of the protocol.
        kind: The struct that requests are read into.
        handle: Answers one.
        of: Where the role is needed.
        role: The least that a caller needs there.
        writes: Whether it may change something.
    """

    def __init__(
        self,
        method: str,
        path: str,
        kind: type[msgspec.Struct],
        handle: Callable[[Call, Any], Any],
        of: Scope,
        *,
        role: str,
        writes: bool,
    ) -> None:
        self.method, self.path, self.role, self.writes = method, path, role, writes
        self._kind, self._handle, self._of = kind, handle, of

    async def answer(self, request: Request) -> Response:
        """Answer a request."""
        try:
            body = b"" if self.method == "GET" else await request.body()
        except ClientDisconnect:
            return answer_error(request, ProtocolError("the request ended early"))
        return await run_in_threadpool(self._answer, request, body)

    def _answer(self, request: Request, body: bytes) -> Response:
        tracking: Tracking = request.app.state.tracking
        try:
            asked = self._read(request, body)
            with tracking.writing() if self.writes else tracking.store.reading() as connection:
                call = Call(connection, caller_of(request), tracking)
                self._admit(call, asked)
                answer = self._handle(call, asked)
            return json_reply(answer if answer is not None else {})
        except Exception as error:  # noqa: BLE001 - every error has an answer of the protocol
            return answer_error(request, error)

    def _admit(self, call: Call, asked: Any) -> None:
        if call.caller.may_everywhere(self.role):
            return
        where = self._of(call.connection, asked)
        if not call.caller.may(self.role, where):
            place = "" if where is None else f" in experiment {where}"
            raise ProtocolError(f"this needs the role {self.role}{place}", FORBIDDEN)

    def _read(self, request: Request, body: bytes) -> Any:
        if self.method == "GET" or (self.method == "DELETE" and not body):
            return msgspec.convert(
                {**self._query(request.query_params), **request.path_params}, self._kind, strict=False
            )
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise ProtocolError("Content-Type must be application/json", "BAD_REQUEST")
        if not request.path_params:
            return msgspec.json.decode(body, type=self._kind, strict=False)
        return msgspec.convert(
            {**msgspec.json.decode(body, type=dict[str, Any]), **request.path_params}, self._kind, strict=False
        )

    def _query(self, params: QueryParams) -> dict[str, Any]:
        return {key: params.getlist(key) if key in self._lists else params[key] for key in params}

    @cached_property
    def _lists(self) -> frozenset[str]:
        fields = msgspec.structs.fields(self._kind)
        return frozenset(field.name for field in fields if field.default_factory is list)


def reads(
    path: str, kind: type[msgspec.Struct], handle: Callable[[Call, Any], Any], of: Scope, *, method: str = "GET"
) -> Endpoint:
    """Make an endpoint that changes nothing; a reader may use it."""
    return Endpoint(method, path, kind, handle, of, role=READER, writes=False)


def listed(
    path: str, kind: type[msgspec.Struct], handle: Callable[[Call, Any], Any], *, method: str = "GET"
) -> Endpoint:
    """Make an endpoint that answers every account, each with no more than `Call.visible` lets it see."""
    return Endpoint(method, path, kind, handle, anywhere, role=NOBODY, writes=False)


def writes(
    path: str,
    kind: type[msgspec.Struct],
    handle: Callable[[Call, Any], Any],
    of: Scope,
    *,
    method: str = "POST",
    role: str = WRITER,
) -> Endpoint:
    """Make an endpoint that changes something; a writer may use it, or only a greater role."""
    return Endpoint(method, path, kind, handle, of, role=role, writes=True)


def anywhere(connection: Connection, asked: Any) -> int | None:
    """Ask for the role of the account itself."""
    del connection, asked
    return None


def of_experiment(connection: Connection, asked: Any) -> int | None:
    """Ask for the role in the experiment that a request names."""
    del connection
    return int(asked.experiment_id)


def of_run(connection: Connection, asked: Any) -> int | None:
    """Ask for the role in the experiment of the run that a request names."""
    return find_run(connection, asked.id).experiment_id


class OfModel(msgspec.Struct):
    """A request about a logged model."""

    model_id: ModelId


def of_model(connection: Connection, asked: Any) -> int | None:
    """Ask for the role in the experiment of the logged model that a request names."""
    return owner_of(connection, MODEL, asked.model_id).experiment_id
