"""What is recorded of PySpark ML, on a Spark in this process: starting it takes longer than all that is tested here."""

from __future__ import annotations

import csv
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from pyspark import SparkContext
from pyspark.errors import IllegalArgumentException
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.base import Estimator, Transformer
from pyspark.ml.classification import LogisticRegression, RandomForestClassifier
from pyspark.ml.clustering import GaussianMixture, KMeans
from pyspark.ml.evaluation import BinaryClassificationEvaluator, Evaluator, RegressionEvaluator
from pyspark.ml.feature import StandardScaler, StringIndexer, VectorAssembler
from pyspark.ml.recommendation import ALS
from pyspark.ml.regression import GeneralizedLinearRegression, LinearRegression
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder, TrainValidationSplit
from pyspark.sql import SparkSession

import autotrack
from autotrack.records import FAILED, FINISHED
from autotrack.testing import IntegrationContract, MemoryBackend

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, which is not installed"),
    pytest.mark.filterwarnings(
        "ignore:PySpark does not yet fully support pandas:FutureWarning"
    ),  # its own, of pandas 3
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),  # Spark's own calls of pandas 3
    pytest.mark.filterwarnings("ignore:Exception ignored in. <function Pool.__del__"),  # Spark closes no pool
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket"),  # nor the sockets of 4.0's py4j
]
EVALUATOR = BinaryClassificationEvaluator
NAMES = ["age", "dose"]
QUICK = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.ui.showConsoleProgress": "false",
}
"""What makes small things quick: less is compiled."""


@pytest.fixture(scope="module", autouse=True)
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    for name, value in {**QUICK, "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse"))}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def rows(session: SparkSession) -> Any:
    frame = session.range(0, 80, 1, 2).selectExpr("(id * 7 % 23) / 7 age", "(id * 5 % 17) / 5 dose", "id % 11 noise")
    return frame.selectExpr("age", "dose", "double(age + noise / 5 > dose) label", "2 * age - dose + noise effect")


@pytest.fixture
def frame(spark: SparkSession) -> Any:
    return rows(spark)


@pytest.fixture
def table(frame: Any) -> Any:
    return assembler().transform(frame)


def assembler(output: str = "features") -> VectorAssembler:
    return VectorAssembler(inputCols=NAMES, outputCol=output)


def pipeline() -> Pipeline:
    scaler = StandardScaler(inputCol="raw", outputCol="features")
    return Pipeline(stages=[assembler("raw"), scaler, LogisticRegression(maxIter=3)])


def artifact(run: Any, name: str) -> Path:
    return Path(".autotrack/artifacts") / run.id / name


def jobs(session: SparkSession) -> int:
    return int(session.sparkContext._jsc.sc().statusStore().jobsList(None).size())


def test_a_pipeline_is_one_run(recorded: Any, frame: Any) -> None:
    model = pipeline().fit(frame)
    run = recorded.only
    assert (run.name, run.source, run.status) == ("Pipeline", "pyspark", FINISHED)
    assert run.params["stages"] == ["VectorAssembler", "StandardScaler", "LogisticRegression"]
    assert run.params["LogisticRegression.maxIter"] == 3
    assert run.params["StandardScaler.withMean"] is False
    assert run.params["VectorAssembler.inputCols"] == NAMES
    assert [value for _, value in run.metrics["objectiveHistory"]] == model.stages[-1].summary.objectiveHistory
    assert run.last("totalIterations") == model.stages[-1].summary.totalIterations
    assert json.loads(artifact(run, "coefficients.json").read_text()).keys() == {"feature_0", "feature_1", "intercept"}
    assert run.tags["spark.master"] == "local[2]"
    assert run.tags["mlflow.autologging"] == "pyspark.ml"
    assert [column["name"] for column in run.datasets[0].schema] == [*NAMES, "label", "effect"]
    assert [note.code for note in run.notes] == ["evaluation.skipped"]


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")
def test_the_model_comes_back_as_it_was(recorded: Any, frame: Any) -> None:
    model = pipeline().fit(frame)
    saved = artifact(recorded.only, "model")
    expected = [row[0] for row in model.transform(frame).select("prediction").collect()]
    mlflow = pytest.importorskip("mlflow")
    theirs = mlflow.spark.load_model(str(saved), dfs_tmpdir=str(saved.absolute().parent / "tmp"))
    ours = autotrack.models.load(saved)
    assert isinstance(ours, PipelineModel)
    for loaded in (ours, theirs):
        assert [row[0] for row in loaded.transform(frame).select("prediction").collect()] == expected
    columns = pd.DataFrame([row.asDict() for row in frame.select(*NAMES).collect()])
    assert list(mlflow.pyfunc.load_model(str(saved)).predict(columns)) == expected
    assert list(autotrack.models.load_predictor(saved).predict(columns)) == expected


def test_a_regression_tells_what_it_knows(recorded: Any, table: Any) -> None:
    model = LinearRegression(labelCol="effect", regParam=0.1).fit(table)
    run = recorded.only
    for name in ("rootMeanSquaredError", "meanAbsoluteError", "r2"):
        assert run.last(f"training_{name}") == getattr(model.summary, name)
    written = json.loads(artifact(run, "coefficients.json").read_text())
    assert written == dict(zip([*NAMES, "intercept"], [*model.coefficients.tolist(), model.intercept], strict=True))


def test_importances_bear_the_names_of_the_columns(recorded: Any, table: Any) -> None:
    model = RandomForestClassifier(numTrees=3, seed=1).fit(table)
    written = json.loads(artifact(recorded.only, "feature_importance.json").read_text())
    assert written == dict(zip(NAMES, model.featureImportances.toArray().tolist(), strict=True))


def test_a_fit_with_other_params_says_so(recorded: Any, table: Any) -> None:
    estimator = LogisticRegression(maxIter=3)
    estimator.fit(table, {estimator.regParam: 0.5})
    assert recorded.only.params["regParam"] == 0.5
    assert estimator.getRegParam() == 0.0


def test_a_list_of_param_maps_is_one_run_with_children(recorded: Any, table: Any) -> None:
    estimator = LogisticRegression(maxIter=3)
    models = estimator.fit(table, [{estimator.regParam: 0.0}, {estimator.regParam: 0.5}])
    score = EVALUATOR().evaluate(models[1].transform(table))
    children = recorded.children(recorded.only)
    assert [(child.name, child.params["regParam"]) for child in children] == [
        ("regParam=0", 0.0),
        ("regParam=0.5", 0.5),
    ]
    assert children[1].last("test_areaUnderROC") == score
    assert recorded.only.last("n_candidates") == 2


@pytest.mark.parametrize("parallelism", [1, 3])
def test_a_cross_validation_is_a_search(recorded: Any, frame: Any, parallelism: int) -> None:
    tuned = pipeline()
    regression = tuned.getStages()[-1]
    grid = ParamGridBuilder().addGrid(regression.regParam, [5.0, 0.0, 0.1]).build()
    search = CrossValidator(estimator=tuned, estimatorParamMaps=grid, evaluator=EVALUATOR(), numFolds=2, seed=1)
    model = search.setParallelism(parallelism).fit(frame)
    run = recorded.only
    best = max(range(3), key=lambda at: model.avgMetrics[at])
    assert run.last("best_index") == best
    assert run.last("best_cv_score") == model.avgMetrics[best]
    assert run.last("n_splits") == 2
    assert run.params["best_LogisticRegression.regParam"] == grid[best][regression.regParam]
    assert run.params["estimator"] == "Pipeline"
    children = recorded.children(run)
    order = sorted(range(3), key=lambda at: -model.avgMetrics[at])
    assert [child.last("avg_areaUnderROC") for child in children] == [model.avgMetrics[at] for at in order]
    assert [child.last("std_areaUnderROC") for child in children] == [model.stdMetrics[at] for at in order]
    assert children[0].params["LogisticRegression.maxIter"] == 3
    with artifact(run, "cv_results.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [float(row["param_LogisticRegression.regParam"]) for row in written] == [5.0, 0.0, 0.1]
    assert [model.flavors for model in run.models] == [["python_function", "spark"]]


def test_a_search_on_a_split_has_as_many_children_as_asked_for(frame: Any) -> None:
    autotrack.enable(to="memory://split", log_system_metrics=False, max_child_runs=1)
    regression = LinearRegression(labelCol="effect")
    grid = ParamGridBuilder().addGrid(regression.regParam, [0.0, 10.0]).build()
    evaluator = RegressionEvaluator(labelCol="effect", metricName="rmse")
    search = TrainValidationSplit(estimator=regression, estimatorParamMaps=grid, evaluator=evaluator, seed=1)
    model = search.fit(assembler().transform(frame))
    autotrack.flush()
    run, child = MemoryBackend.named("split").runs
    autotrack.disable()
    assert child.parent_id == run.id
    assert child.last("rmse") == run.last("best_cv_score") == min(model.validationMetrics)
    assert "search.children" in [note.code for note in run.notes]


def test_an_evaluation_goes_to_the_run_of_the_model(recorded: Any, frame: Any) -> None:
    train, holdout = frame.randomSplit([0.6, 0.4], seed=1)
    model = pipeline().fit(train)
    predictions = model.transform(holdout)
    score = EVALUATOR().evaluate(predictions)
    assert EVALUATOR().evaluate(predictions) == score
    evaluator = EVALUATOR()
    area = evaluator.evaluate(predictions, {evaluator.metricName: "areaUnderPR"})
    known = EVALUATOR().evaluate(model.transform(train))
    run = recorded.only
    assert run.metrics["test_areaUnderROC"] == [(0, score)]
    assert run.last("test_areaUnderPR") == area
    assert run.last("training_areaUnderROC") == known
    info = json.loads(artifact(run, "metric_info.json").read_text())
    assert info["test_areaUnderPR"]["metricName"] == "areaUnderPR"


def test_what_java_refuses_is_a_failed_run(recorded: Any, table: Any) -> None:
    with pytest.raises(IllegalArgumentException, match="nowhere"):
        LogisticRegression(featuresCol="nowhere").fit(table)
    assert recorded.only.status == FAILED


def test_preparation_alone_opens_no_run(recorded: Any, table: Any) -> None:
    StandardScaler(inputCol="features", outputCol="scaled").fit(table)
    Pipeline(stages=[StringIndexer(inputCol="label", outputCol="index")]).fit(table)
    assert recorded.roots == []


ESTIMATORS = [
    lambda: LogisticRegression(maxIter=2),
    lambda: RandomForestClassifier(numTrees=2, seed=1),
    lambda: LinearRegression(labelCol="effect"),
    lambda: LinearRegression(labelCol="effect", solver="l-bfgs", regParam=0.1, elasticNetParam=0.5),
    lambda: GeneralizedLinearRegression(labelCol="effect"),
    lambda: KMeans(k=2, seed=1, maxIter=2),
    lambda: GaussianMixture(k=2, seed=1, maxIter=2),
    lambda: ALS(userCol="user", itemCol="item", ratingCol="label", rank=2, maxIter=2),
]


def test_no_job_of_spark_runs_for_the_record(spark: SparkSession, table: Any) -> None:
    for estimator in ESTIMATORS:
        made = estimator()
        data = table.selectExpr("*", "int(age) user", "int(dose) item")
        before = jobs(spark)
        made.fit(data)
        bare = jobs(spark) - before
        autotrack.enable(to="memory://jobs", log_system_metrics=False, log_models=False)
        made.fit(data)
        autotrack.flush()
        assert jobs(spark) - before == 2 * bare, type(made).__name__
        assert [note for note in MemoryBackend.named("jobs").runs[-1].notes if note.code == "spark.unreadable"] == []
        autotrack.disable()


PROGRAM = """
import autotrack
autotrack.enable(log_system_metrics=False, capture=[], exit_timeout=120)
from pyspark.ml.clustering import KMeans
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
spark = builder.getOrCreate()
data = spark.createDataFrame([(Vectors.dense([float(at % 2)]),) for at in range(20)], ["features"])
KMeans(k=2, seed=1).fit(data)
spark.stop()
try:
    KMeans(k=2).fit(data)
except Exception as error:
    print(type(error).__name__)
"""


def test_a_context_that_stops_waits_for_the_model(tmp_path: Path) -> None:
    variables = {
        **os.environ,
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "AUTOTRACK_TESTING": "0",
    }
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    done = subprocess.run(command, cwd=tmp_path, env=variables, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "autotrack" not in done.stderr
    (page,) = tmp_path.glob(".autotrack/artifacts/*/model/MLmodel")
    assert '"loader_module": "mlflow.spark"' in page.read_text()
    assert done.stdout.strip()


class TestPySpark(IntegrationContract):
    name: ClassVar[str] = "pyspark"
    module: ClassVar[str] = "pyspark"

    @pytest.fixture(autouse=True)
    def without_models(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Spark may still be saving when tracking ends: it is not done in the half second that these tests give it."""
        monkeypatch.setenv("AUTOTRACK_LOG_MODELS", "0")

    def train(self) -> Any:
        """Fit on one partition: sums over several depend on which of them is done first."""
        return pipeline().fit(rows(SparkSession.builder.getOrCreate()).coalesce(1))

    def train_badly(self) -> Any:
        params: Any = "no param map"
        return LogisticRegression().fit(rows(SparkSession.builder.getOrCreate()), params)

    def train_nested(self) -> Any:
        regression = LogisticRegression(maxIter=2)
        grid = ParamGridBuilder().addGrid(regression.regParam, [0.0, 1.0]).build()
        search = CrossValidator(estimator=regression, estimatorParamMaps=grid, evaluator=EVALUATOR(), numFolds=2)
        data = assembler().transform(rows(SparkSession.builder.getOrCreate()))
        return Pipeline(stages=[search]).fit(data)

    def outcome(self, trained: Any) -> bytes:
        last = trained.stages[-1]
        return struct.pack(f"{last.numFeatures + 1}d", *last.coefficients, last.intercept)

    def functions(self) -> Sequence[tuple[Any, str]]:
        return [(Estimator, "fit"), (Transformer, "transform"), (Evaluator, "evaluate"), (SparkContext, "stop")]
