"""Fit an elastic net to the grades of wines. Nothing here knows of autotrack."""

import argparse

import pandas as pd
from sklearn.linear_model import ElasticNet
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--alpha", type=float, default=0.5)
parser.add_argument("--l1-ratio", type=float, default=0.1)
options = parser.parse_args()

train, test = train_test_split(pd.read_csv(options.data), random_state=0)
model = ElasticNet(alpha=options.alpha, l1_ratio=options.l1_ratio, random_state=0)
model.fit(train.drop(columns="target"), train["target"])
predicted = model.predict(test.drop(columns="target"))
print("rmse", root_mean_squared_error(test["target"], predicted))
