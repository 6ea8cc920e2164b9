"""Hub data sets, served by a stand-in for the package ``datasets``; where the package is installed, by itself."""

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from augsbert.datasets.table import Table
from augsbert.errors import UserError


def split(name: str, rows: int = 10) -> pd.DataFrame:
    columns = {"sentence1": [f"{name} a{i}" for i in range(rows)], "sentence2": [f"{name} b{i}" for i in range(rows)]}
    return pd.DataFrame({**columns, "score": [i / rows for i in range(rows)]})


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What ``load_dataset`` was called with; it serves train, validation and test."""
    calls: list[tuple[Any, ...]] = []

    def load_dataset(name: str, config: str | None, revision: str | None) -> dict[str, pd.DataFrame]:
        calls.append((name, config, revision))
        if name == "no/such":
            raise FileNotFoundError("Dataset 'no/such' doesn't exist on the Hub.\nMore lines.")
        names = ["unsupervised"] if name == "un/split" else ["train", "validation", "test"]
        return {name: split(name) for name in names}

    fake = SimpleNamespace(load_dataset=load_dataset, disable_progress_bars=lambda: None)
    monkeypatch.setitem(sys.modules, "datasets", fake)
    return calls


def test_splits_are_fetched_once_and_read_from_parquet(calls: list[tuple], tmp_path: Path) -> None:
    part = Table({"hub": "some/pairs", "config": "en", "revision": "refs/pr/1", "download_dir": str(tmp_path)})
    assert part.files() is None
    splits = part()
    pd.testing.assert_frame_equal(splits.dev, split("validation"))
    files = part.files() or []
    assert [path.name for path in files] == ["train.parquet", "dev.parquet", "test.parquet"]
    assert all(path.is_relative_to(tmp_path) for path in files)
    part()
    assert calls == [("some/pairs", "en", "refs/pr/1")]


def test_configs_and_revisions_do_not_share_files(calls: list[tuple], tmp_path: Path) -> None:
    for more in ({}, {"config": "en"}, {"revision": "v1"}):
        Table({"hub": "some/pairs", "download_dir": str(tmp_path), **more})()
    assert len(calls) == 3


def test_drawn_split_replaces_the_one_of_the_hub(calls: list[tuple], tmp_path: Path) -> None:
    part = Table({"hub": "some/pairs", "download_dir": str(tmp_path)}, draw={"test_size": 3})
    splits = part()
    assert [len(table) for table in splits[:3]] == [7, 10, 3]
    assert splits.test["sentence1"].str.startswith("train").all()
    assert [path.name for path in part.files() or []] == ["train.parquet", "dev.parquet"]


@pytest.mark.parametrize(
    ("hub", "message"),
    [
        (
            "no/such",
            "dataset.train.hub=no/such: Dataset 'no/such' doesn't exist on the Hub. "
            "Check id, config and revision, or set dataset.train=FILE.",
        ),
        (
            "un/split",
            "dataset.train.hub=un/split: no split train; there are: unsupervised. "
            "Save one as a file: dataset.train=FILE.",
        ),
    ],
)
def test_failure_leaves_nothing_that_counts(calls: list[tuple], tmp_path: Path, hub: str, message: str) -> None:
    part = Table({"hub": hub, "download_dir": str(tmp_path)})
    with pytest.raises(UserError) as raised:
        part()
    assert str(raised.value) == message
    assert part.files() is None


def test_absent_package_is_an_error_with_the_line_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match="the package datasets is not installed: pip install datasets"):
        Table({"hub": "some/pairs", "download_dir": str(tmp_path)})()


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="the package datasets is not installed")
def test_package_itself_reads_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "set").mkdir()
    for name in ("train", "validation", "test"):
        split(name).to_csv(tmp_path / "set" / f"{name}.csv", index=False)
    splits = Table({"hub": str(tmp_path / "set"), "download_dir": str(tmp_path)})()
    pd.testing.assert_frame_equal(splits.train, split("train"))
