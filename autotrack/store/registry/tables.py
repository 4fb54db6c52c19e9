"""The tables of the registry. A change here needs a new script in `migrations/versions`, like one in `schema.py`.

Everything of a registered model hangs on `registered_model.id` and goes with it. A version outlives the run that made
it: what is known of its origin is copied into `signature` and `lineage` when it is registered.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table

from autotrack.store.columns import AnyText, Key, Packed, belongs_to, row_id
from autotrack.store.schema import metadata

registered_model = Table(
    "registered_model",
    metadata,
    Column("id", row_id(), primary_key=True),
    Column("name", Key, nullable=False, unique=True),
    Column("description", AnyText, nullable=False),
    Column("last_version", BigInteger, nullable=False),  # the greatest number ever given: none is given twice
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)

model_version = Table(
    "model_version",
    metadata,
    Column("id", row_id(), primary_key=True),
    belongs_to("model_id", "registered_model"),
    Column("version", BigInteger, nullable=False),
    Column("source", AnyText, nullable=False),
    Column("run_uid", Key),  # no foreign key: the run may be elsewhere, or gone
    Column("run_link", AnyText),
    Column("logged_model", AnyText),
    Column("user", AnyText),
    Column("description", AnyText, nullable=False),
    Column("stage", AnyText, nullable=False),
    Column("status", AnyText, nullable=False),
    Column("status_message", AnyText),
    Column("flavors", Packed, nullable=False),
    Column("signature", Packed),
    Column("lineage", Packed, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Index("model_version_number", "model_id", "version", unique=True),
    Index("model_version_run", "run_uid"),
)

model_alias = Table(
    "model_alias",
    metadata,
    belongs_to("model_id", "registered_model", primary_key=True),
    Column("alias", Key, primary_key=True),
    belongs_to("version_id", "model_version", index=True),
)

registered_model_tag = Table(
    "registered_model_tag",
    metadata,
    belongs_to("model_id", "registered_model", primary_key=True),
    Column("key", Key, primary_key=True),
    Column("value", AnyText, nullable=False),
)

model_version_tag = Table(
    "model_version_tag",
    metadata,
    belongs_to("version_id", "model_version", primary_key=True),
    Column("key", Key, primary_key=True),
    Column("value", AnyText, nullable=False),
)

model_change = Table(
    "model_change",
    metadata,
    Column("id", row_id(), primary_key=True),
    belongs_to("model_id", "registered_model", index=True),
    Column("version", BigInteger),  # a number and no foreign key: the history of a deleted version stays
    Column("kind", AnyText, nullable=False),
    Column("key", AnyText),
    Column("before", AnyText),
    Column("after", AnyText),
    Column("user", AnyText),
    Column("time", BigInteger, nullable=False),
)
