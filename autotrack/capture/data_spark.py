"""Fingerprints of Spark DataFrames, which are plans: what they would hold is not computed, so no Spark job runs.

The digest covers the schema, the analyzed plan without the ids that differ from process to process, and the names of
the files that are read. It changes with the query and with the files, and not with what is in them.
"""

from __future__ import annotations

from typing import Any

from autotrack.capture.data_sampling import Description, Hasher, hash_facts

MAX_COLUMNS = 1000
MAX_FILES = 10_000
NOTE = "the digest is of schema, plan and names of files: a Spark DataFrame is not computed for it"


def describe_spark(data: Any, hasher: Hasher) -> Description:
    """Describe a DataFrame of Spark in this process or, by Spark Connect, elsewhere: of the latter the schema alone."""
    schema = data.schema
    hash_facts(hasher, schema.json())
    columns = [{"name": field.name, "type": field.dataType.simpleString()} for field in schema.fields[:MAX_COLUMNS]]
    profile: dict[str, Any] = {"num_columns": len(schema.fields)}
    java = getattr(data, "_jdf", None) if _is_classic(data) else None
    if java is not None:
        hash_facts(hasher, java.queryExecution().analyzed().canonicalized().toString())
        files = sorted(data.inputFiles()[:MAX_FILES])
        hash_facts(hasher, files)
        profile["num_files"] = len(files)
    return Description(None, columns, profile, NOTE)


def _is_classic(data: Any) -> bool:
    return ".connect." not in type(data).__module__
