"""Write data of the shape that other people's programs read, drawn at random: `python program_data.py DIR`.

The real files would have to be downloaded; what a program learns does not matter here, only that it does the same with
tracking and without.
"""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import numpy as np

ROWS = 1200


def main(folder: Path) -> None:
    """Write every data set to the place its programs look at."""
    generator = np.random.default_rng(0)
    agaricus(folder / "dmlc/xgboost/demo/data", generator)
    housing(folder / "data/sklearn", generator)
    for name, binary in (("regression/regression", False), ("binary_classification/binary", True)):
        table(folder / "lightgbm-org/LightGBM/examples" / name, generator, binary=binary)


def agaricus(folder: Path, generator: np.random.Generator) -> None:
    """Write LIBSVM files: 126 indicators, 22 of them set in a row, like the mushrooms of XGBoost's demos."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("agaricus.txt.train", ROWS), ("agaricus.txt.test", ROWS // 4)):
        lines = []
        for _ in range(rows):
            features = np.sort(generator.choice(np.arange(1, 127), 22, replace=False))
            label = int((features < 12).sum() + generator.integers(2) > 2)
            lines.append(f"{label} " + " ".join(f"{feature}:1" for feature in features))
        (folder / name).write_text("\n".join(lines) + "\n")
    names = [f"{number}\tfeature{number}\ti\n" for number in range(127)]
    (folder / "featmap.txt").write_text("".join(names))


def housing(folder: Path, generator: np.random.Generator) -> None:
    """Write what `fetch_california_housing` keeps of its download: the raw columns, target first."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = np.abs(generator.normal(size=(ROWS, 9))) + 0.5
    columns[:, 0] = 1e5 * (columns[:, 1] + columns[:, 7] + 0.1 * generator.normal(size=ROWS) + 1)
    joblib.dump(columns, folder / "cal_housing_py3.pkz", compress=6)


def table(path: Path, generator: np.random.Generator, *, binary: bool) -> None:
    """Write the files of a LightGBM example: label and 28 columns, separated by tabs, and weights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for part, rows in (("train", ROWS), ("test", ROWS // 4)):
        columns = np.round(generator.normal(size=(rows, 28)), 3)
        columns[:, 21] = generator.integers(0, 4, rows)
        label = (columns[:, 0] + columns[:, 5] ** 2 + generator.normal(size=rows) > 1).astype(int)
        rest = np.column_stack([label, columns])
        np.savetxt(path.with_name(f"{path.name}.{part}"), rest, fmt="%g", delimiter="\t")
        if binary:
            np.savetxt(path.with_name(f"{path.name}.{part}.weight"), generator.uniform(0.5, 1.5, rows), fmt="%.3f")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
