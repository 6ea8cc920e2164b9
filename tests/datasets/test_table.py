"""Own files: three of them, one with a split column, or one that dev and test are drawn from."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from augsbert.datasets.table import Table
from augsbert.errors import UserError


@pytest.fixture
def train(tmp_path: Path) -> Path:
    """A hundred pairs, scores 0..5."""
    return write(tmp_path / "train.csv", 100)


def write(path: Path, rows: int, **more: Any) -> Path:
    columns = {"a": [f"{path.stem} {i}" for i in range(rows)], "b": [f"b {i}" for i in range(rows)]}
    pd.DataFrame({**columns, "label": np.arange(rows) % 6, **more}).to_csv(path, index=False)
    return path


SETTINGS: dict[str, Any] = {"columns": {"sentence1": "a", "sentence2": "b", "score": "label"}, "score_range": [0, 5]}


def test_three_files_with_columns_of_other_names(train: Path, tmp_path: Path) -> None:
    dev, test = write(tmp_path / "dev.csv", 10), write(tmp_path / "test.csv", 20)
    part = Table(str(train), str(dev), str(test), **SETTINGS)
    assert part.files() == [train, dev, test]
    splits = part()
    assert [len(table) for table in splits[:3]] == [100, 10, 20]
    assert list(splits.train.columns) == ["sentence1", "sentence2", "score"]
    assert splits.train["score"].tolist()[:7] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 0.0]


@pytest.mark.parametrize(("dev_size", "test_size", "rows"), [(10, 20, [70, 10, 20]), (0.1, 0.25, [65, 10, 25])])
def test_dev_and_test_are_drawn_from_train(train: Path, dev_size: float, test_size: float, rows: list[int]) -> None:
    draw = {"dev_size": dev_size, "test_size": test_size}
    splits = Table(str(train), draw=draw, **SETTINGS)()
    assert [len(table) for table in splits[:3]] == rows
    assert sorted(pd.concat(splits[:3])["sentence1"]) == sorted(pd.read_csv(train)["a"])


def test_seed_decides_the_draw(train: Path) -> None:
    first, again, other = (
        Table(str(train), draw={"dev_size": 10, "test_size": 10, "seed": seed}, **SETTINGS)() for seed in (0, 0, 1)
    )
    for one, two in zip(first[:3], again[:3], strict=True):
        pd.testing.assert_frame_equal(one, two)
    assert first.test["sentence1"].tolist() != other.test["sentence1"].tolist()


def test_only_what_is_not_given_is_drawn(train: Path, tmp_path: Path) -> None:
    test = write(tmp_path / "test.csv", 20)
    splits = Table(str(train), test=str(test), draw={"dev_size": 10}, **SETTINGS)()
    assert [len(table) for table in splits[:3]] == [90, 10, 20]


def test_repeated_pair_is_not_drawn_apart(tmp_path: Path) -> None:
    rows = [(f"a {i}", f"b {i}", i % 2) for i in range(20)]
    frame = pd.DataFrame(rows + [(b, a, score) for a, b, score in rows], columns=["sentence1", "sentence2", "score"])
    frame.to_csv(tmp_path / "all.csv", index=False)
    splits = Table(str(tmp_path / "all.csv"), task="binary", draw={"dev_size": 0.25, "test_size": 0.25})()
    assert [len(table) for table in splits[:3]] == [10, 5, 5]


def test_one_file_with_a_split_column(tmp_path: Path) -> None:
    path = write(tmp_path / "all.csv", 70, fold=["train", "train", "train", "dev", "train", "test", "train"] * 10)
    columns = {**SETTINGS["columns"], "split": "fold"}
    part = Table(str(path), columns=columns, score_range=[0, 5])
    assert part.files() == [path]
    assert [len(table) for table in part()[:3]] == [50, 10, 10]


def test_split_that_the_column_lacks_can_be_drawn(tmp_path: Path) -> None:
    path = write(tmp_path / "all.csv", 60, fold=["train", "train", "train", "train", "test"] * 12)
    columns = {**SETTINGS["columns"], "split": "fold"}
    splits = Table(str(path), columns=columns, score_range=[0, 5], draw={"dev_size": 8})()
    assert [len(table) for table in splits[:3]] == [40, 8, 12]


def test_split_that_is_nowhere_is_an_error_with_the_line_to_type(train: Path) -> None:
    with pytest.raises(UserError) as raised:
        Table(str(train), **SETTINGS)()
    assert str(raised.value) == (
        "dataset=table has no dev pairs. Set dataset.dev=FILE, or dataset.draw.dev_size=0.1 to draw them."
    )


def test_split_both_given_and_drawn_is_an_error(train: Path, tmp_path: Path) -> None:
    dev = write(tmp_path / "dev.csv", 10)
    with pytest.raises(UserError) as raised:
        Table(str(train), str(dev), draw={"dev_size": 5}, **SETTINGS)()
    assert str(raised.value) == (
        "dataset.draw.dev_size=5: there are dev pairs already. Set one of dataset.dev and dataset.draw.dev_size."
    )


def test_draw_that_leaves_nothing_is_an_error(train: Path) -> None:
    with pytest.raises(UserError) as raised:
        Table(str(train), draw={"dev_size": 50, "test_size": 0.5}, **SETTINGS)()
    assert str(raised.value) == (
        "dataset.draw.dev_size=50, dataset.draw.test_size=0.5: nothing is left to train on, of 100 pairs. "
        "Set smaller sizes."
    )
