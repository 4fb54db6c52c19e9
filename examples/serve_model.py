"""Train, register, serve and ask a model, and compare what it was asked with what it was trained on.

python examples/serve_model.py
"""

import json
import subprocess
import sys
import urllib.request

from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

import autotrack
from autotrack.models import registry

autotrack.enable()
X, y = load_iris(return_X_y=True, as_frame=True)
with autotrack.start_run() as run:
    model = RandomForestClassifier(n_estimators=20, random_state=0).fit(X, y)
    uri = autotrack.models.log(model, "iris", inputs=X, outputs=y)
autotrack.flush()
version = registry.register(uri, "iris")
registry.set_alias("iris", "live", version.version)
autotrack.disable()

command = [sys.executable, "-m", "autotrack", "models"]
options = ["--port", "0", "--workers", "2", "--record", "--json"]
server = subprocess.Popen(
    [*command, "serve", "models:/iris@live", *options],
    stdout=subprocess.PIPE,
    stderr=subprocess.DEVNULL,
    text=True,
)
assert server.stdout is not None
lines = [server.stdout.readline()]
while lines[-1] != "}\n":
    lines.append(server.stdout.readline())
address = json.loads("".join(lines))["address"]

for month, moved in (("as in training", 0.0), ("longer petals", 2.0)):
    table = X.assign(**{"petal length (cm)": X["petal length (cm)"] + moved})
    body = json.dumps({"dataframe_split": table.to_dict(orient="split")}).encode()
    request = urllib.request.Request(f"{address}/invocations", body, {"content-type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - an address of our own
        predictions = json.load(answer)["predictions"]
    print(f"{month}: {[predictions.count(kind) for kind in (0, 1, 2)]} of each kind")

server.terminate()
server.wait()
subprocess.run([*command, "monitor", "models:/iris@live"], check=True)
