"""Fit Spark pipelines as always; each fit is a run, and a search one with its candidates below it.

Run it with `python examples/pyspark_quickstart.py`, then look around with `autotrack ls` and `autotrack show @last`.
"""

from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import SparkSession
from sklearn.datasets import load_breast_cancer

import autotrack

autotrack.enable(experiment="tumours")

spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.shuffle.partitions", "2")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")

X, y = load_breast_cancer(return_X_y=True)
names = ["radius", "texture", "perimeter", "area"]
rows = [(*values, label) for values, label in zip(X[:, :4].tolist(), y.astype(float).tolist(), strict=True)]
train, test = spark.createDataFrame(rows, [*names, "label"]).randomSplit([0.7, 0.3], seed=0)

regression = LogisticRegression(maxIter=10)
steps = [
    VectorAssembler(inputCols=names, outputCol="raw"),
    StandardScaler(inputCol="raw", outputCol="features", withMean=True),
    regression,
]
search = CrossValidator(
    estimator=Pipeline(stages=steps),
    estimatorParamMaps=ParamGridBuilder().addGrid(regression.regParam, [0.0, 0.01, 0.3]).build(),
    evaluator=BinaryClassificationEvaluator(),
    numFolds=2,
    parallelism=2,
    seed=0,
)
BinaryClassificationEvaluator().evaluate(search.fit(train).transform(test))
spark.stop()

runs = autotrack.search_runs(experiment="tumours", order_by="start_time")
(root,) = [run for run in runs if run.parent_id is None]
known, new = root.metrics["best_cv_score"], root.metrics["test_areaUnderROC"]
print(f"{root.name} {root.status}: {known:.3f} in cross-validation, {new:.3f} on new data")
for run in runs:
    if run.parent_id == root.id:
        print(f"  {run.name:14} {run.metrics['avg_areaUnderROC']:.3f}")
