"""Batch predictions: `python predict.py rows.csv predictions.csv`."""

import argparse

import autotrack
import pandas as pd

NAME = "PROJECT"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", help="a CSV file with the columns of the features")
    parser.add_argument("predictions", help="where the rows go, with a column `prediction`")
    parser.add_argument("--model", default=f"models:/{NAME}@champion")
    options = parser.parse_args()

    rows = pd.read_csv(options.rows)
    model = autotrack.models.load_predictor(options.model, trust=True)  # trust: it is a model of this project
    rows.assign(prediction=model.predict(rows)).to_csv(options.predictions, index=False)


if __name__ == "__main__":
    main()
