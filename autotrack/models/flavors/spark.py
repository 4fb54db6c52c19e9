"""The flavor of Spark ML: pipelines in Spark's own format, a folder of metadata and Parquet files for each stage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autotrack.models.flavors.base import Flavor, Predict
from autotrack.models.integrity import require_trust
from autotrack.models.requirements import installed_version
from autotrack.models.snapshot import Snapshot
from autotrack.models.stored import StoredModel

_DATA = "sparkml"
_OWN_CLASSES = ("org.apache.spark.ml.", "pyspark.ml.")


def spark_flavor(snapshot: Snapshot) -> Flavor:
    """Describe a saved pipeline as `mlflow.spark` does."""
    return Flavor(
        name="spark",
        data=_DATA,
        settings={
            "code": None,
            "model_class": snapshot.model_class,
            "model_data": _DATA,
            "pyspark_version": installed_version("pyspark"),
        },
        python_function={"loader_module": "mlflow.spark", "data": _DATA},
        packages=("mlflow", "pyspark"),
        pickle=False,
    )


def load(model: StoredModel, *, trust: bool) -> Any:
    """Load a pipeline that we or MLflow saved, in the Spark session of this process or a new local one.

    Raises:
        UntrustedModelError: It has stages of other classes than Spark's own, which loading imports, and is not trusted.
    """
    from pyspark.ml import PipelineModel
    from pyspark.sql import SparkSession

    data = model.flavors["spark"]["model_data"]
    folder = model.file(data)
    foreign = sorted({kind for kind in _classes(folder) if not kind.startswith(_OWN_CLASSES)})
    if foreign:
        require_trust(model, data, f"has stages of {', '.join(foreign)}", trust=trust)
    SparkSession.builder.getOrCreate()
    return PipelineModel.load(folder.absolute().as_uri())


def _classes(folder: Path) -> Iterator[str]:
    """Yield the class of each stage, as the metadata name it."""
    for file in folder.glob("**/metadata/part-*"):
        for line in file.read_text(encoding="utf-8").splitlines():
            yield str(json.loads(line)["class"])


def predictor(found: Any, model: StoredModel) -> Predict:  # noqa: ARG001 - all flavors are asked alike
    """Return how a pipeline predicts for a pandas DataFrame: the column of predictions, as a list."""
    from pyspark.sql import SparkSession

    stage = next(stage for stage in reversed(found.stages) if stage.hasParam("predictionCol"))
    column = stage.getOrDefault("predictionCol")

    def predict(data: Any, params: Any) -> list[Any]:  # noqa: ARG001 - a pipeline takes none
        frame = SparkSession.builder.getOrCreate().createDataFrame(data)
        return [row[0] for row in found.transform(frame).select(column).collect()]

    return predict
