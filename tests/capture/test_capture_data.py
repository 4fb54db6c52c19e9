"""Fingerprints: same content same digest, other content other digest, nothing read, changed or consumed needlessly."""

from __future__ import annotations

import copy
import datetime as dt
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autotrack.capture.data import fingerprint
from autotrack.capture.data_sampling import positions, sample_sizes

FEATURES = np.arange(60.0).reshape(20, 3)
COLUMNS = {"a": [1.5, 2.5, float("nan")], "b": ["x", "y", None], "c": [1, 2, 3]}
STRUCTURED = np.zeros(5, dtype=np.dtype([("a", "i1"), ("b", "f8"), ("c", "U3")], align=True))


def masked() -> Any:
    return np.ma.masked_greater(FEATURES, 50)


CONTAINERS: dict[str, Callable[[], Any]] = {
    "float array": FEATURES.copy,
    "fortran array": lambda: np.asfortranarray(FEATURES),
    "0-d array": lambda: np.array(3.5),
    "numpy scalar": lambda: np.float32(3.5),
    "1-d int array": lambda: np.arange(10),
    "4-d array": lambda: np.zeros((2, 3, 4, 5)),
    "empty array": lambda: np.zeros((0, 4)),
    "object array": lambda: np.array([[1, "a"], [None, [1, 2]]], dtype=object),
    "text array": lambda: np.array(["a", "bcd"]),
    "date array": lambda: np.array(["2024-01-01", "NaT"], dtype="datetime64[D]"),
    "structured array": STRUCTURED.copy,
    "masked array": masked,
    "masked structured array": lambda: np.ma.MaskedArray(STRUCTURED.copy(), mask=[(1, 0, 0)] * 5),
    "csr": lambda: sp.csr_matrix(np.eye(5)),
    "csc array": lambda: sp.csc_array(np.eye(5)),
    "coo": lambda: sp.coo_matrix(np.eye(5)),
    "bsr": lambda: sp.bsr_array(np.eye(6)),
    "dia": lambda: sp.dia_matrix(np.eye(5)),
    "lil": lambda: sp.lil_matrix(np.eye(5)),
    "dok": lambda: sp.dok_matrix(np.eye(5)),
    "empty csr": lambda: sp.csr_matrix((0, 5)),
    "frame": lambda: pd.DataFrame(COLUMNS),
    "uniform frame": lambda: pd.DataFrame(FEATURES, columns=list("abc")),
    "frame without rows": lambda: pd.DataFrame({"a": []}),
    "frame without columns": lambda: pd.DataFrame(index=range(3)),
    "frame with equal names": lambda: pd.DataFrame([[1, "x"], [2, "y"]], columns=["a", "a"]),
    "frame with many levels": lambda: pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), (3, 4)])),
    "frame of extension types": lambda: pd.DataFrame(
        {
            "category": pd.Categorical(["u", "v", None]),
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "boolean": pd.array([True, None, False], dtype="boolean"),
            "text": pd.array(["a", None, "c"], dtype="string"),
            "arrow": pd.array([1.5, None, 2.5], dtype="float64[pyarrow]"),
            "zone": pd.date_range("2024-01-01", periods=3, tz="Europe/Zurich"),
            "period": pd.period_range("2024-01", periods=3, freq="M"),
            "interval": pd.interval_range(0, 3),
            "sparse": pd.arrays.SparseArray([0.0, 0.0, 1.0]),
        }
    ),
    "series": lambda: pd.Series([1, 2, 3], name="y"),
    "polars": lambda: pl.DataFrame({**COLUMNS, "d": [dt.date(2024, 1, 1)] * 3, "e": [[1], [2, 3], None]}),
    "polars categories": lambda: pl.DataFrame({"a": pl.Series(["x", "y"], dtype=pl.Categorical)}),
    "polars series": lambda: pl.Series("y", [1, 2, None]),
    "arrow": lambda: pa.table(COLUMNS),
    "arrow batch": lambda: pa.RecordBatch.from_pydict(COLUMNS),
    "list of lists": lambda: [[1, 2.5], [3, None]],
    "list of dicts": lambda: [{"a": 1, "b": "x"}, {"a": 2}],
    "tuple": lambda: (1, 2, 3),
    "empty list": list,
    "list of arrays": lambda: [np.zeros((4, 2)), np.ones(4)],
    "dict of arrays": lambda: {"image": np.zeros((4, 2, 2)), "text": np.array(["a"] * 4)},
    "dict of lists": lambda: {"a": [1, 2], "b": ["x", "y"]},
}  # fmt: skip


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_every_container_is_described_in_plain_values(make: Callable[[], Any]) -> None:
    data = make()
    found = fingerprint(data, name="mine", context="test")
    assert found == fingerprint(make(), name="mine", context="test")
    assert (found.name, found.context, len(found.digest)) == ("mine", "test", 32)
    assert found.note is None or "not read:" not in found.note
    assert msgspec.json.decode(msgspec.json.encode(found))["digest"] == found.digest
    shape = getattr(data, "shape", None)
    if shape is not None:
        assert found.shape == tuple(shape)


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_nothing_is_changed_and_no_random_number_drawn(make: Callable[[], Any]) -> None:
    data = make()
    before = copy.deepcopy(data)
    states = random.getstate(), np.random.get_state()
    fingerprint(data, target=data)
    assert repr(data) == repr(before)
    assert random.getstate() == states[0]
    assert all(np.array_equal(now, then) for now, then in zip(np.random.get_state(), states[1], strict=True))


def test_schema_and_profile_of_a_table() -> None:
    found = fingerprint(pd.DataFrame(COLUMNS), target=pd.Series([0, 1, 1], name="y"))
    assert (found.n_rows, found.n_columns, found.container) == (3, 3, "pandas.DataFrame")
    assert [column["name"] for column in found.schema] == ["a", "b", "c", "y"]
    assert found.schema[0] == {"name": "a", "type": "float64"}
    assert found.schema[-1] == {"name": "y", "type": "int64", "role": "target"}
    assert found.profile["missing_by_column"] == {"a": 1, "b": 1}
    assert found.profile["class_balance"] == {"1": 2, "0": 1}
    assert found.profile["num_rows"] == 3


@pytest.mark.parametrize(("make", "missing"), [("polars", 3), ("arrow", 2), ("date array", 1), ("masked array", 9)])
def test_missing_values_are_counted(make: str, missing: int) -> None:
    assert fingerprint(CONTAINERS[make]()).profile["missing"] == missing


def test_density_of_sparse_data() -> None:
    profile = fingerprint(sp.csr_matrix(np.eye(5))).profile
    assert (profile["density"], profile["stored_values"]) == (0.2, 5)


def test_layout_of_memory_does_not_count(tmp_path: Path) -> None:
    plain = fingerprint(FEATURES)
    stored = np.memmap(tmp_path / "x.dat", dtype=float, mode="w+", shape=FEATURES.shape)
    stored[:] = FEATURES
    assert fingerprint(np.asfortranarray(FEATURES)).digest == plain.digest
    assert fingerprint(np.repeat(FEATURES, 2, axis=0)[::2]).digest == plain.digest
    assert fingerprint(stored).digest == plain.digest


def test_bytes_between_the_fields_of_a_record_do_not_count() -> None:
    noisy = STRUCTURED.copy()
    noisy.view("u1").reshape(5, -1)[:, 1:8] = 7
    assert noisy.tolist() == STRUCTURED.tolist()
    assert fingerprint(noisy).digest == fingerprint(STRUCTURED).digest


def test_hidden_values_of_a_masked_array_do_not_count() -> None:
    one, other = masked(), masked()
    other.data[19, 2] = -1.0
    assert fingerprint(one).digest == fingerprint(other).digest
    other.mask[0, 0] = True
    assert fingerprint(one).digest != fingerprint(other).digest


def test_digest_is_the_same_in_every_process() -> None:
    code = (
        "import numpy as np, pandas as pd; from autotrack.capture.data import fingerprint;"
        "print(fingerprint(pd.DataFrame({'a': ['x', None, 'z'], 'b': [1.5, 2.0, 3.0]}), target=np.arange(3)).digest)"
    )
    runs = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    own = fingerprint(pd.DataFrame({"a": ["x", None, "z"], "b": [1.5, 2.0, 3.0]}), target=np.arange(3)).digest
    assert runs == {f"{own}\n".encode()}


@given(hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(max_dims=3, max_side=6)), st.data())
def test_any_changed_cell_changes_the_digest(array: np.ndarray[Any, Any], data: st.DataObject) -> None:
    place = tuple(data.draw(st.integers(0, size - 1)) for size in array.shape)
    value = data.draw(hnp.from_dtype(array.dtype))
    changed = array.copy()
    changed[place] = value
    same = changed.tobytes() == array.tobytes()
    assert (fingerprint(changed).digest == fingerprint(array).digest) == same


cells = st.none() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.booleans()


@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=8), st.data())
def test_any_changed_cell_of_a_list_changes_the_digest(rows: list[list[Any]], data: st.DataObject) -> None:
    changed = copy.deepcopy(rows)
    changed[data.draw(st.integers(0, len(rows) - 1))][data.draw(st.integers(0, 1))] = data.draw(cells)
    same = [[(type(cell), repr(cell)) for cell in row] for row in rows] == [
        [(type(cell), repr(cell)) for cell in row] for row in changed
    ]
    if same:
        assert fingerprint(changed).digest == fingerprint(rows).digest
    elif changed != rows:
        assert fingerprint(changed).digest != fingerprint(rows).digest


@pytest.mark.parametrize("kind", ["frame", "polars", "arrow", "series"])
@pytest.mark.parametrize("row", [0, 1, 2])
def test_any_changed_cell_of_a_table_changes_the_digest(kind: str, row: int) -> None:
    columns = {"a": [1.5, 2.5, 3.5], "b": ["x", "y", None]}
    changed = copy.deepcopy(columns)
    changed["b"][row] = "other"
    makers: dict[str, Callable[[Any], Any]] = {
        "frame": pd.DataFrame,
        "polars": pl.DataFrame,
        "arrow": pa.table,
        "series": lambda table: pd.Series(table["b"]),
    }
    assert fingerprint(makers[kind](columns)).digest != fingerprint(makers[kind](changed)).digest


def test_names_and_target_count_for_the_digest() -> None:
    frame = pd.DataFrame(FEATURES, columns=list("abc"))
    digests = {
        fingerprint(frame).digest,
        fingerprint(frame.rename(columns={"a": "z"})).digest,
        fingerprint(frame, target=np.zeros(20)).digest,
        fingerprint(frame, target=np.ones(20)).digest,
        fingerprint(FEATURES).digest,
    }
    assert len(digests) == 5


def test_the_last_and_first_row_of_big_data_are_sampled() -> None:
    big = np.zeros((100_000, 10))
    first, last = big.copy(), big.copy()
    first[0, 0] = last[-1, -1] = 1.0
    assert len({fingerprint(array).digest for array in (big, first, last)}) == 3


@given(st.lists(st.integers(1, 5000), max_size=4), st.integers(1, 10_000))
def test_samples_are_bounded_and_spread(shape: list[int], cells_allowed: int) -> None:
    sizes = sample_sizes(shape, cells_allowed)
    assert np.prod(sizes, dtype=float) <= cells_allowed
    for length, size in zip(shape, sizes, strict=True):
        chosen = positions(length, size).tolist()
        assert len(set(chosen)) == size
        assert chosen[0] == 0
        assert size == 1 or chosen[-1] == length - 1


@pytest.mark.parametrize(
    ("target", "balance"),
    [
        (np.array([0, 1, 1]), {"1": 2, "0": 1}),
        (np.array([-1, 100_000, -1]), {"-1": 2, "100000": 1}),
        (np.array([[1.0], [2.0], [2.0]]), {"2.0": 2, "1.0": 1}),
        (np.array([True, False, True]), {"True": 2, "False": 1}),
        (np.array(["cat", "dog", "cat"]), {"cat": 2, "dog": 1}),
        (["cat", "dog", "cat"], {"cat": 2, "dog": 1}),
        (pd.Series(["cat", "dog", None]), {"cat": 1, "dog": 1, "nan": 1}),
        (pd.DataFrame({"y": pd.Categorical(["b", "a", "b"])}), {"b": 2, "a": 1}),
        (pl.Series(["cat", "dog", "cat"]), {"cat": 2, "dog": 1}),
        (np.array([0.5, 1.0]), None),
        (np.linspace(0, 345, 346), None),
        (np.array([np.nan, 1.0]), None),
        (np.arange(500), None),
        (np.zeros((3, 2)), None),
        (np.array([], dtype=int), None),
        ([[1], [2]], None),
    ],
)  # fmt: skip
def test_class_balance(target: Any, balance: dict[str, int] | None) -> None:
    assert fingerprint(FEATURES, target=target).profile.get("class_balance") == balance


def test_class_balance_is_bounded() -> None:
    many = fingerprint(FEATURES, target=np.repeat(np.arange(150), 20)).profile
    assert len(many["class_balance"]) == 100
    assert many["class_balance_rest"] == 1000
    long = fingerprint(FEATURES, target=np.arange(200_000) % 3).profile
    assert long["class_balance_rows"] == sum(long["class_balance"].values()) <= 65_536


class Counting:
    """Iterable whose use is counted."""

    def __init__(self) -> None:
        self.uses = 0

    def __iter__(self) -> Iterator[int]:
        self.uses += 1
        return iter([1, 2])

    def __getitem__(self, index: int) -> int:
        self.uses += 1
        return index

    def __len__(self) -> int:
        self.uses += 1
        return 2


def test_iterables_are_not_consumed() -> None:
    loader = Counting()
    numbers = (number for number in range(3))
    assert "no shape" in str(fingerprint(loader, target=loader).note)
    assert loader.uses == 0
    assert fingerprint(numbers).note == "an iterator is not consumed"
    assert list(numbers) == [0, 1, 2]
    assert fingerprint(map(str, [1])).container == "map"
    assert fingerprint(None).note == "no data"


def test_a_lazy_frame_is_not_collected() -> None:
    def explode(_: Any) -> Any:
        raise AssertionError("collected")

    lazy = pl.LazyFrame({"a": [1]}).map_batches(explode)
    assert fingerprint(lazy).container == "polars.LazyFrame"


def test_device_arrays_tell_shape_and_type_only() -> None:
    class DeviceArray:
        shape = (4, 2)
        dtype = "float32"

        def __array__(self) -> None:
            raise AssertionError("copied from the device")

    found = fingerprint(DeviceArray())
    assert (found.shape, found.schema[0]["type"], found.note) == ((4, 2), "float32", "content not read")


def test_what_raises_becomes_a_note() -> None:
    class Hostile:
        @property
        def shape(self) -> tuple[int, ...]:
            raise RuntimeError("boom")

    found = fingerprint(Hostile(), target=Hostile())
    assert found.note == "not read: RuntimeError: boom; target: not read: RuntimeError: boom"
    assert len(found.digest) == 32


@pytest.mark.parametrize(
    "value",
    [float("nan"), 10**5000, b"\xff", "\ud800", object(), {1: {2: {3: {4: {5: {}}}}}}],
    ids=lambda v: type(v).__name__,
)
def test_odd_values_in_lists(value: Any) -> None:
    assert fingerprint([value] * 3).digest == fingerprint([value] * 3).digest
    assert fingerprint([value]).note is None


def test_lists_that_hold_themselves() -> None:
    endless: list[Any] = [1]
    endless.append(endless)
    assert fingerprint(endless).note is None


def peak_bytes(function: Callable[[], Any]) -> int:
    function()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_cost_does_not_depend_on_the_size() -> None:
    places = np.arange(400_000)
    sparse = sp.csr_matrix((np.ones(400_000), (places % 20_000, places // 20)), shape=(20_000, 20_000))
    frame = pd.DataFrame(np.zeros((1_000_000, 10)))
    for data in (sparse, frame, np.zeros((5_000, 2_000)), pl.DataFrame(frame.to_numpy()), pa.Table.from_pandas(frame)):
        peak = peak_bytes(lambda data=data: fingerprint(data))
        assert peak < 1_000_000


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40))
def test_sparse_data_with_a_changed_value(rows: int, columns: int) -> None:
    matrix = sp.csr_matrix(np.ones((rows, columns)))
    changed = matrix.copy()
    changed.data[-1] = 2.0
    assert fingerprint(matrix).digest != fingerprint(changed).digest


def test_torch_tensors() -> None:
    torch = pytest.importorskip("torch")
    found = fingerprint(torch.zeros(4, 2, requires_grad=True))
    assert (found.shape, found.note) == ((4, 2), None)
    assert fingerprint(torch.zeros(4, dtype=torch.bfloat16)).note is None
    assert "content not read" in str(fingerprint(torch.zeros(4, 2, device="meta")).note)
