"""scikit-learn on every kind of input: arrays, frames, sparse matrices, a memory map, lists, views."""

import tempfile

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.sparse
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

np.random.seed(0)
X, y = load_iris(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y)
columns = ["a", "b", "c", "d"]
mapped = np.lib.format.open_memmap(f"{tempfile.mkdtemp()}/X.npy", "w+", float, X_train.shape)
mapped[:] = X_train
inputs = [
    X_train,
    np.asfortranarray(X_train),
    X_train[:, ::-1],
    mapped,
    X_train.tolist(),
    pd.DataFrame(X_train, columns=columns),
    pl.DataFrame(X_train, schema=columns),
    scipy.sparse.csr_matrix(X_train),
    scipy.sparse.coo_array(X_train),
]
coefficients = [LogisticRegression(max_iter=50).fit(each, y_train).coef_ for each in inputs]
table = pa.table({name: X_train[:, at] for at, name in enumerate(columns)})
from_arrow = RandomForestClassifier(3, random_state=0).fit(table.to_pandas(), pa.array(y_train).to_numpy())
forest = RandomForestClassifier(5).fit(X_train, y_train)
predicted = forest.predict(X_test)
accuracy, matrix = accuracy_score(y_test, predicted), confusion_matrix(y_test, predicted)
search = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1]}, cv=3)
best = search.fit(X, y).best_params_
scores = cross_val_score(RandomForestClassifier(3, random_state=1), X, y, cv=3)
del mapped, inputs, table, search
