"""The tables of the tracking server. A change here needs a new script in `migrations/versions`, as in `schema.py`.

A logged model belongs to an experiment, and perhaps to the run that made it; it outlives that run. Its values lie in
tables shaped like those of runs, so one filter compiler serves both.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table

from autotrack.store.columns import AnyText, Float, Key, belongs_to, row_id
from autotrack.store.schema import metadata

experiment_tag = Table(
    "experiment_tag",
    metadata,
    belongs_to("experiment_id", "experiment", primary_key=True),
    Column("key", Key, primary_key=True),
    Column("value", AnyText, nullable=False),
)

logged_model = Table(
    "logged_model",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("uid", Key, nullable=False, unique=True),
    belongs_to("experiment_id", "experiment"),
    Column("run_uid", Key),  # no foreign key: the model outlives its run
    Column("name", AnyText, nullable=False),
    Column("kind", AnyText),
    Column("status", AnyText, nullable=False),
    Column("status_message", AnyText),
    Column("artifact_uri", AnyText),  # NULL: the server keeps its files
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Index("logged_model_experiment", "experiment_id", "created"),
    Index("logged_model_run", "run_uid"),
)

logged_model_param = Table(
    "logged_model_param",
    metadata,
    belongs_to("model_id", "logged_model", primary_key=True),
    Column("key", Key, primary_key=True),
    Column("value", AnyText, nullable=False),
)

logged_model_tag = Table(
    "logged_model_tag",
    metadata,
    belongs_to("model_id", "logged_model", primary_key=True),
    Column("key", Key, primary_key=True),
    Column("value", AnyText, nullable=False),
)

logged_model_metric = Table(
    "logged_model_metric",
    metadata,
    Column("id", row_id(), primary_key=True),
    belongs_to("model_id", "logged_model"),
    Column("key", Key, nullable=False),
    Column("run_uid", Key, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("value", Float),
    Column("dataset_name", Key),
    Column("dataset_digest", Key),
    Index("logged_model_metric_point", "model_id", "key", "run_uid", "step", "time", unique=True),
)

logged_model_file = Table(
    "logged_model_file",
    metadata,
    belongs_to("model_id", "logged_model", primary_key=True),
    Column("path", Key, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", AnyText),
    Column("time", BigInteger, nullable=False),
)

model_use = Table(
    "model_use",
    metadata,
    belongs_to("run_id", "run", primary_key=True),
    Column("direction", Key, primary_key=True),  # "input" or "output"
    Column("model_uid", Key, primary_key=True),
    Column("step", BigInteger, nullable=False),
)
