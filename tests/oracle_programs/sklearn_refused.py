"""A training that scikit-learn refuses: the program ends with its exception."""

import numpy as np
from sklearn.linear_model import LogisticRegression

LogisticRegression().fit(np.eye(3), [0, 1, 1])
LogisticRegression().fit(np.eye(3), [0, 1])
