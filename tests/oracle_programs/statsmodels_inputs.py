"""statsmodels by arrays and by a formula on a frame."""

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf

generator = np.random.default_rng(0)
frame = pd.DataFrame(generator.normal(size=(80, 3)), columns=["a", "b", "y"])
by_arrays = sm.OLS(frame["y"].to_numpy(), sm.add_constant(frame[["a", "b"]].to_numpy())).fit().params
by_formula = smf.ols("y ~ a * b", frame).fit()
summary = str(by_formula.params), by_formula.rsquared
logit = sm.Logit((frame["y"] > 0).astype(int), frame[["a", "b"]]).fit(disp=True).params
np.random.random()
del generator, by_formula
