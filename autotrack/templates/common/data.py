"""Ingest and split: where the rows come from, what they have to look like, and which are for what."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

TARGET = "malignant"


class Split(NamedTuple):
    """Rows for fitting, for choosing, and for the last word."""

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame


def ingest(path: Path | None = None) -> pd.DataFrame:
    """Read the rows from a CSV file; without one, the data that scikit-learn brings."""
    if path is not None:
        frame = pd.read_csv(path)
    else:
        frame = load_breast_cancer(as_frame=True).frame.rename(columns={"target": TARGET})
        frame[TARGET] = 1 - frame[TARGET]  # there, 1 is benign
    check(frame)
    return frame


def check(frame: pd.DataFrame) -> None:
    """Say what is wrong with the rows before anything is trained on them."""
    if TARGET not in frame:
        raise ValueError(f"there is no column {TARGET!r}")
    broken = frame.columns[frame.isna().any()].tolist()
    if broken:
        raise ValueError(f"values are missing in {', '.join(broken)}")
    if not set(frame[TARGET]) <= {0, 1}:
        raise ValueError(f"{TARGET!r} has values other than 0 and 1")


def split(frame: pd.DataFrame, seed: int = 0) -> Split:
    """Split into 60 % training, 20 % validation and 20 % test rows, with the classes alike in each."""
    rest, test = train_test_split(frame, test_size=0.2, stratify=frame[TARGET], random_state=seed)
    train, validation = train_test_split(rest, test_size=0.25, stratify=rest[TARGET], random_state=seed)
    return Split(train, validation, test)


def features(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that a model may see."""
    return frame.drop(columns=TARGET, errors="ignore")
