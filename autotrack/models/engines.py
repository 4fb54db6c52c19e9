"""Predict on clusters: a function for Spark's tables, and one for the datasets of Ray and the frames of Dask."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from autotrack.errors import UnsupportedValueError
from autotrack.models.parcel import Parcel, pack
from autotrack.models.stored import StoredModel


def spark_udf(
    spark: Any,
    uri: str | os.PathLike[str] | StoredModel,
    *,
    result_type: Any = "double",
    trust: bool = False,
    params: Mapping[str, Any] | None = None,
) -> Any:
    """Return a function for Spark's columns that predicts with a model.

    The model travels to the executors by itself and is loaded once in each Python worker. They need autotrack and the
    model's library installed.

    Args:
        spark: The SparkSession.
        uri: As `load` takes it.
        result_type: Of a prediction, as Spark writes types: "double", "long", "string", "array<double>" for a model
            with several outputs.
        trust: Load also what runs code. Default: False.
        params: Inference parameters.

    Returns:
        A pandas UDF. Call it with the model's columns in the order of its signature, or with one struct of them.

    Raises:
        ModelError: As `load` raises.

    Example:
        >>> churn = autotrack.models.spark_udf(spark, "models:/churn@champion")  # doctest: +SKIP
        >>> customers.withColumn("churn", churn("age", "plan")).show()  # doctest: +SKIP
    """
    from pyspark.sql.pandas import functions

    parcel = spark.sparkContext.broadcast(pack(uri, trust=trust, params=params))

    def predict(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            yield predict_columns(parcel.value, batch)

    # Spark reads the types, which annotations of this module do not name: they are texts.
    predict.__annotations__ = _spark_types()
    pandas_udf: Any = functions.pandas_udf  # its type names no iterators
    return pandas_udf(predict, result_type)


def _spark_types() -> dict[str, Any]:
    import pandas as pd

    # What Spark's documentation calls "iterator of multiple series"; a struct comes as a frame in their place.
    return {"batches": Iterator[tuple[pd.Series, ...]], "return": Iterator[pd.Series]}


def predict_columns(parcel: Parcel, columns: Any) -> Any:
    """Predict for a batch of Spark's; lists of several outputs become one array a row.

    Args:
        parcel: The model.
        columns: A Series, a tuple of them, or a DataFrame for a struct.
    """
    import pandas as pd

    if not isinstance(columns, tuple):  # Spark passes a single one bare
        columns = (columns,)
    table = columns[0] if isinstance(columns[0], pd.DataFrame) else _named(parcel, columns)
    found = np.asarray(parcel.predict(table))
    if found.ndim > 1 and found.shape[1] == 1:
        found = found.reshape(len(found))
    return pd.Series(list(found) if found.ndim > 1 else found)


def _named(parcel: Parcel, columns: tuple[Any, ...]) -> Any:
    """Make a table of columns that Spark passes without their names."""
    import pandas as pd

    inputs = parcel.predictor().model.signature["inputs"] or []
    names = [entry["name"] for entry in inputs if "name" in entry] or list(range(len(columns)))
    if len(names) != len(columns):
        wanted = ", ".join(map(str, names))
        raise UnsupportedValueError(f"the model takes {len(names)} columns ({wanted}), it was given {len(columns)}")
    return pd.concat([column.rename(name) for name, column in zip(names, columns, strict=True)], axis=1)


def map_batches(
    data: Any,
    uri: str | os.PathLike[str] | StoredModel,
    *,
    trust: bool = False,
    params: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Predict for a dataset of Ray Data or a frame of Dask, wherever its parts lie.

    The model travels to the workers by itself and is loaded once in each. They need autotrack and the model's library
    installed. As both engines do, this plans the work; it runs when the result is used.

    Args:
        data: A `ray.data.Dataset` or a `dask.dataframe.DataFrame`.
        uri: As `load` takes it.
        trust: Load also what runs code. Default: False.
        params: Inference parameters.
        **options: Of Ray's `Dataset.map_batches`, such as `batch_size=4096` or `num_cpus=2`; of Dask's
            `DataFrame.map_partitions`.

    Returns:
        A dataset or frame of the same engine, with the columns that `autotrack.models.predict_file` writes.

    Raises:
        UnsupportedValueError: The data are of another engine.
        ModelError: As `load` raises.

    Example:
        >>> scores = autotrack.models.map_batches(ray.data.read_parquet("s3://…"), "models:/churn/3")  # doctest: +SKIP
    """
    engine = type(data).__module__.partition(".")[0]
    if engine == "ray":
        return data.map_batches(
            _predict_batch,
            fn_kwargs={"parcel": pack(uri, trust=trust, params=params)},
            batch_format="pandas",
            **options,
        )
    if engine in {"dask", "dask_expr"}:
        return _map_partitions(data, pack(uri, trust=trust, params=params), options)
    kind = f"{type(data).__module__}.{type(data).__qualname__}"
    raise UnsupportedValueError(
        f"map_batches takes a dataset of Ray Data or a frame of Dask, not {kind}; "
        "for Spark there is spark_udf, for a file predict_file"
    )


def _map_partitions(frame: Any, parcel: Parcel, options: Mapping[str, Any]) -> Any:
    from dask.delayed import delayed

    # Two invented rows tell the types of the result; the model itself goes into the graph once.
    meta = parcel.predict_table(frame._meta_nonempty).iloc[:0]  # noqa: SLF001 - Dask's name for them
    model = delayed(parcel, pure=True)
    return frame.map_partitions(_predict_partition, model, meta, **{"meta": meta, **options})


def _predict_batch(table: Any, parcel: Parcel) -> Any:
    return parcel.predict_table(table)


def _predict_partition(table: Any, parcel: Parcel, nothing: Any) -> Any:
    return parcel.predict_table(table) if len(table) else nothing  # not every model takes a table without rows
