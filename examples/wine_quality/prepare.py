"""Write the wine data that scikit-learn brings: 178 wines, 13 measurements, and a grade."""

import sys

from sklearn.datasets import load_wine

load_wine(as_frame=True).frame.to_csv(sys.argv[1], index=False)
