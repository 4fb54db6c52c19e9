"""Ingest, split, train, evaluate, and register what meets the criteria: `python train.py`."""

import argparse
import sys
from pathlib import Path

import autotrack
from autotrack.models import registry

from data import features, ingest, split
from evaluation import CRITERIA, evaluate
from model import log, train

NAME = "PROJECT"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a CSV file; by default the data that scikit-learn brings")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    autotrack.enable()
    rows = split(ingest(options.data), options.seed)
    Path("data").mkdir(exist_ok=True)
    features(rows.test).to_csv("data/test.csv", index=False)
    with autotrack.start_run() as run:
        autotrack.log_param("seed", options.seed)
        model = train(rows.train, rows.validation, options.seed)
        evaluate(model, rows.test)
        uri = log(model, features(rows.train))
    autotrack.flush()

    validation = autotrack.validate(run, CRITERIA)
    print(validation)
    if not validation:
        print("not registered: the model does not meet the criteria of evaluation.py")
        return 1
    version = registry.register(uri, NAME, criteria=CRITERIA)
    registry.set_alias(NAME, "champion", version.version)
    print(f"registered as models:/{NAME}/{version.version}, which is the champion now")
    return 0


if __name__ == "__main__":
    sys.exit(main())
