"""From training to production: train, register, compare, promote, and load by alias, in a few lines.

Run it with `python examples/models_registry.py`, then look around with `autotrack models ls` and `autotrack models show
cancer`, or on the page *Models* of `autotrack ui`.
"""

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import autotrack
import autotrack.models
from autotrack.models import registry

autotrack.enable(experiment="breast cancer")

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

for candidate in (make_pipeline(StandardScaler(), LogisticRegression()), RandomForestClassifier(50, random_state=0)):
    candidate.fit(X_train, y_train).score(X_test, y_test)
    version = registry.register("@last", "cancer", description=f"A first look at *{type(candidate).__name__}*")
    print(f"registered {version.uri} from run {version.lineage.run_name}")

best = registry.search_versions('name = "cancer"', order_by="metrics.test_accuracy_score desc", limit=1)[0]
registry.transition("cancer", best.version, "Production", archive_existing=True)
registry.set_alias("cancer", "champion", best.version)

comparison = registry.compare("cancer/1", "cancer/2")
accuracy = next(pair for pair in comparison.metrics if pair.key == "test_accuracy_score")
print(f"test accuracy of version 1: {accuracy.before:.3f}, of version 2: {accuracy.after:.3f}")
for change in registry.changes("cancer", best.version):
    print(f"{change.kind} {change.key or ''}: {change.before} -> {change.after}")

model = autotrack.models.load("models:/cancer@champion")
print(f"the champion, loaded again, predicts {(model.predict(X_test) == y_test).mean():.3f} of the test data right")
