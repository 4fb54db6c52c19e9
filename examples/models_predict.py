"""Log a model, load it safely, predict with it, and see a tampered one refused.

Run it with `python examples/models_predict.py`.
"""

from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

import autotrack
from autotrack.errors import SchemaError, TamperedModelError

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

with autotrack.start_run("forest") as run:
    forest = RandomForestClassifier(n_estimators=50, random_state=0).fit(X_train, y_train)
    uri = autotrack.models.log(forest, inputs=X_train, outputs=y_train, input_example=X_train)
autotrack.flush()
for note in autotrack.get_run(run.id).notes:
    print(f"note: {note.message}")

# A colleague knows the URI. No code of the file runs, and any kind of table will do.
predictor = autotrack.models.load_predictor(uri)
assert (predictor.predict(X_test) == forest.predict(X_test)).all()
assert (predictor.predict(X_test.to_dict("records")) == forest.predict(X_test)).all()
print(f"{len(X_test)} predictions equal to the original's")

try:
    predictor.predict(X_test.rename(columns={"mean radius": "radius"}))
except SchemaError as error:
    print(f"refused: {error}")

# A file of any size goes through in pieces; `autotrack models predict` does the same.
X_test.to_parquet("measurements.parquet")
for rows in autotrack.models.predict_file(predictor, "measurements.parquet", "diagnoses.csv", chunk_rows=50):
    print(f"  {rows} rows")
print(Path("diagnoses.csv").read_text().split()[:4])

# Somebody exchanges one byte.
data = predictor.model.path / "model.skops"
data.chmod(0o600)
content = bytearray(data.read_bytes())
content[1000] ^= 1
data.write_bytes(content)
try:
    autotrack.models.load(uri)
except TamperedModelError as error:
    print(f"refused: {error}")
