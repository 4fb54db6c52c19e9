"""Predictions on real local clusters of Spark, Ray and Dask, whose workers get the model over the wire."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from autotrack.errors import UnsupportedValueError, UntrustedModelError
from autotrack.models import map_batches, save
from autotrack.models.engines import predict_columns
from autotrack.models.parcel import pack

PREPARE = """
import json, sys
from pathlib import Path
import numpy as np, pandas as pd
from sklearn.tree import DecisionTreeRegressor
from autotrack.models import map_batches, save, spark_udf

TABLE = pd.DataFrame(np.random.default_rng(0).normal(size=(1000, 3)), columns=["a", "b", "c"])

def prepare():
    # A tree: the last bits of a linear model depend on how many rows it predicts at a time.
    model = DecisionTreeRegressor(max_leaf_nodes=50).fit(TABLE, TABLE["a"] * 2)
    save(model, "model", inputs=TABLE)
    return model.predict(TABLE)

def report(found, expected):
    found = np.asarray(found)
    print(json.dumps({"same": found.dtype == expected.dtype and found.tobytes() == expected.tobytes()}))
"""

DASK = """
if __name__ == "__main__":
    import dask.dataframe as dd
    from dask.distributed import Client, LocalCluster
    expected = prepare()
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        with Client(cluster):
            frame = dd.from_pandas(TABLE, npartitions=4)
            frame = frame[frame["a"] > -100]
            found = map_batches(frame, "model")
            assert list(found.columns) == ["prediction"]
            assert found.dtypes["prediction"] == "float64"
            report(found.compute()["prediction"], expected)
"""

RAY = """
if __name__ == "__main__":
    import ray
    expected = prepare()
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", _node_ip_address="127.0.0.1")
    ray.data.DataContext.get_current().execution_options.preserve_order = True
    found = map_batches(ray.data.from_pandas(TABLE).repartition(4), "model", batch_size=100).to_pandas()
    report(found["prediction"], expected)
    ray.shutdown()
"""

SPARK = """
if __name__ == "__main__":
    from pyspark.sql import SparkSession, functions
    expected = prepare()
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    spark = builder.getOrCreate()
    data = spark.createDataFrame(TABLE)
    predict = spark_udf(spark, "model")
    columns = data.withColumn("p", predict("a", "b", "c")).toPandas()
    struct = data.withColumn("p", predict(functions.struct("c", "b", "a"))).toPandas()
    report(columns["p"], expected)
    report(struct["p"], expected)
    spark.stop()
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["dask", "ray", "spark"])
def test_every_worker_predicts_the_same_bits(engine: str, tmp_path: Path) -> None:
    if engine == "spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    (tmp_path / "program.py").write_text(PREPARE + {"dask": DASK, "ray": RAY, "spark": SPARK}[engine])
    variables = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [sys.executable, "-W", "ignore", "program.py"]
    done = subprocess.run(command, cwd=tmp_path, env=variables, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    results = [json.loads(line)["same"] for line in done.stdout.splitlines() if line.startswith("{")]
    assert results == [True] * (2 if engine == "spark" else 1)


TABLE = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [3.0, 5.0, 6.0]})


def test_a_model_travels_in_one_piece(tmp_path: Path) -> None:
    model = LinearRegression().fit(TABLE, TABLE["a"])
    save(model, tmp_path / "model", inputs=TABLE)
    parcel = pack(tmp_path / "model", trust=False)
    shutil.rmtree(tmp_path / "model")
    assert (parcel.predict_table(TABLE)["prediction"] == model.predict(TABLE)).all()
    assert parcel.predictor() is parcel.predictor()
    assert (predict_columns(parcel, (TABLE["a"], TABLE["b"])) == model.predict(TABLE)).all()
    with pytest.raises(UnsupportedValueError, match=r"takes 2 columns \(a, b\), it was given 1"):
        predict_columns(parcel, TABLE["a"])


def test_trust_is_asked_for_before_anything_travels(tmp_path: Path) -> None:
    model = LinearRegression().fit(TABLE, TABLE["a"])
    model.note_ = lambda: None  # what only cloudpickle writes
    save(model, tmp_path / "model", inputs=TABLE)
    with pytest.raises(UntrustedModelError):
        pack(tmp_path / "model", trust=False)
    assert len(pack(tmp_path / "model", trust=True).predict_table(TABLE)) == 3


def test_other_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedValueError, match=r"not pandas.*spark_udf.*predict_file"):
        map_batches(TABLE, tmp_path)
