"""The tables of runs. A change here needs a new script in `migrations/versions` and a new `HEAD`.

Everything of a run hangs on `run.id`, a small integer, and goes with it. Points of metrics are kept in blocks (see
`chunks.py`): `metric_tail` has the small ones as they arrive, `metric_chunk` those sealed to 1,024 points with their
summaries, and `series` has one summary for each run and key, which answers most questions without touching a point.
`seq` of a block is the number of points in the series up to its last one, so blocks sorted by `seq` are in order of
arrival. Times are nanoseconds since the epoch. NULL in a float column stands for NaN.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, MetaData, Table, literal_column

from autotrack.store.columns import AnyText, Float, Key, Packed, belongs_to, row_id

HEAD = "0004"
"""The revision of the migrations that this schema corresponds to."""

VERSION_TABLE = "autotrack_version"
POINTS_PER_CHUNK = 1024

metadata = MetaData()


def _run_id(**options: Any) -> Column[int]:
    return belongs_to("run_id", "run", **options)


experiment = Table(
    "experiment",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("name", Key, nullable=False, unique=True),
    Column("artifact_location", AnyText),  # NULL: files go where the store's files go
    Column("created", BigInteger),  # NULL: no server made it
    Column("updated", BigInteger),
    Column("deleted_at", BigInteger),
)

run = Table(
    "run",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("uid", Key, nullable=False, unique=True),
    Column("name", AnyText, nullable=False),
    Column("experiment_id", BigInteger, ForeignKey("experiment.id"), nullable=False),
    Column("parent_uid", Key),
    Column("status", AnyText, nullable=False),
    Column("source", AnyText),  # NULL: the start of the run was never seen
    Column("start_time", BigInteger, nullable=False),
    Column("end_time", BigInteger),
    Column("error", AnyText),
    Column("deleted_at", BigInteger),
    Column("user_id", AnyText),  # what a client of MLflow's protocol calls its user
    Column("artifact_uri", AnyText),  # NULL: files go where the store's files go
    Index("run_experiment", "experiment_id", "start_time"),
    Index("run_start", "start_time"),
    Index("run_parent", "parent_uid"),
)

param = Table(
    "param",
    metadata,
    _run_id(primary_key=True),
    Column("key", Key, primary_key=True),
    Column("text", AnyText, nullable=False),
    Column("type", AnyText, nullable=False),
    Column("num", Float),  # the text as a number, where it is one
    Column("size", BigInteger),
    Column("sha256", AnyText),
    Index("param_key", "key", "run_id", "num"),
    sqlite_with_rowid=False,
)

tag = Table(
    "tag",
    metadata,
    _run_id(primary_key=True),
    Column("key", Key, primary_key=True),
    Column("value", AnyText, nullable=False),
    Index("tag_key", "key", "run_id"),
    sqlite_with_rowid=False,
)

series = Table(
    "series",
    metadata,
    _run_id(primary_key=True),
    Column("key", Key, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("nans", BigInteger, nullable=False),
    Column("tail", BigInteger, nullable=False),  # how many of the points are not sealed yet
    Column("first_step", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("last_time", BigInteger, nullable=False),
    Column("last", Float),
    Column("min", Float),
    Column("min_step", BigInteger),
    Column("max", Float),
    Column("max_step", BigInteger),
    Column("sum", Float),
    Index("series_key", "key", "run_id", "last", "min", "max"),
    sqlite_with_rowid=False,
)
Index(
    "series_full",
    series.c.run_id,
    sqlite_where=literal_column("tail") >= literal_column(str(POINTS_PER_CHUNK)),
    postgresql_where=literal_column("tail") >= literal_column(str(POINTS_PER_CHUNK)),
)

metric_tail = Table(
    "metric_tail",
    metadata,
    _run_id(primary_key=True),
    Column("key", Key, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

metric_chunk = Table(
    "metric_chunk",
    metadata,
    Column("id", row_id(), primary_key=True),
    _run_id(),
    Column("key", Key, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("first_step", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("min", Float),
    Column("min_step", BigInteger),
    Column("min_time", BigInteger),
    Column("max", Float),
    Column("max_step", BigInteger),
    Column("max_time", BigInteger),
    Column("sum", Float),
    Column("data", LargeBinary, nullable=False),
    Index("metric_chunk_series", "run_id", "key", "seq", unique=True),
)

artifact = Table(
    "artifact",
    metadata,
    _run_id(primary_key=True),
    Column("path", Key, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", AnyText),
    Column("time", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

dataset = Table(
    "dataset",
    metadata,
    _run_id(primary_key=True),
    Column("name", Key, primary_key=True),
    Column("context", Key, primary_key=True),
    Column("digest", Key, primary_key=True),
    Column("schema", Packed, nullable=False),
    Column("profile", Packed, nullable=False),
    Column("source", AnyText),
    Column("time", BigInteger, nullable=False),
    Column("origin", Packed),  # the words of the client that sent it, see `tracking.inputs`
)

evaluation = Table(
    "evaluation",
    metadata,
    Column("id", row_id(), primary_key=True),
    _run_id(index=True),
    Column("split", AnyText, nullable=False),
    Column("task", AnyText, nullable=False),
    Column("report", Packed, nullable=False),
    Column("time", BigInteger, nullable=False),
)

model = Table(
    "model",
    metadata,
    _run_id(primary_key=True),
    Column("model_id", Key, primary_key=True),
    Column("name", AnyText, nullable=False),
    Column("flavors", Packed, nullable=False),
    Column("signature", Packed),
    Column("size", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
)

note = Table(
    "note",
    metadata,
    Column("id", row_id(), primary_key=True),
    _run_id(index=True),
    Column("code", AnyText, nullable=False),
    Column("level", AnyText, nullable=False),
    Column("message", AnyText, nullable=False),
    Column("time", BigInteger, nullable=False),
)

writer = Table(
    "writer",
    metadata,
    Column("name", Key, primary_key=True),
    Column("seq", BigInteger, nullable=False),  # the last record of this writer that is in the store
)

view = Table(
    "view",
    metadata,
    Column("name", Key, primary_key=True),
    Column("query", AnyText, nullable=False),  # of the page's address
    Column("time", BigInteger, nullable=False),
)
