"""Record a training for TensorBoard too, and read the event files back.

pip install 'autotrack[sklearn,tensorboard,plots]'
python examples/tensorboard_logs.py && tensorboard --logdir tensorboard-logs
"""

from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import autotrack

autotrack.enable(to=[".autotrack", "tensorboard://tensorboard-logs"])

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / X.max(axis=0), y, random_state=0)

model = LogisticRegression().fit(X_train, y_train)
print(f"accuracy on test data: {model.score(X_test, y_test):.3f}")

autotrack.flush()
for folder in sorted({path.parent for path in Path("tensorboard-logs").rglob("*.points")}):
    events = EventAccumulator(str(folder))
    events.Reload()
    tags = events.Tags()
    print(f"{folder}: {len(tags['scalars'])} scalars, pictures {', '.join(sorted(tags['images']))}")
