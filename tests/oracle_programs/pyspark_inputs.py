"""Spark: a pipeline, a search, an evaluator and a fit that is refused, and what they leave behind."""

import os

os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"

import numpy as np
from pyspark.errors import IllegalArgumentException
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import SparkSession

builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
builder = builder.config("spark.ui.showConsoleProgress", "false").config("spark.sql.shuffle.partitions", "1")
builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")

frame = spark.range(0, 60, 1, 2).selectExpr("(id * 7 % 23) / 7 a", "(id * 5 % 17) / 5 b", "double(id % 3 > 0) label")
drawn = [row[0] for row in frame.selectExpr("rand(3)").collect()]
train, test = frame.randomSplit([0.7, 0.3], seed=1)
regression = LogisticRegression(maxIter=3)
pipeline = Pipeline(stages=[VectorAssembler(inputCols=["a", "b"], outputCol="features"), regression])
model = pipeline.fit(train)
coefficients = model.stages[-1].coefficients.tolist()
course = list(model.stages[-1].summary.objectiveHistory)
kept = sorted(vars(pipeline)), sorted(vars(regression)), sorted(vars(model)), sorted(vars(model.stages[-1]))
predictions = model.transform(test)
columns = predictions.columns
evaluator = BinaryClassificationEvaluator()
score = evaluator.evaluate(predictions)
grid = ParamGridBuilder().addGrid(regression.regParam, [0.0, 0.1]).build()
search = CrossValidator(estimator=pipeline, estimatorParamMaps=grid, evaluator=evaluator, numFolds=2, seed=1)
scores = [float(value) for value in search.setParallelism(2).fit(train).avgMetrics]
try:
    LogisticRegression(featuresCol="nowhere").fit(train)
except IllegalArgumentException as error:
    # Java's own errors name objects by numbers, which count whatever anybody asks Spark for.
    refused = type(error).__name__, str(error), type(error.__context__).__name__, type(error.__cause__).__name__
np.random.random()
spark.stop()
stopped = spark.sparkContext._jsc is None
del spark, builder, frame, train, test, regression, pipeline, model, predictions, evaluator, grid, search
