"""The archives as they were published (or, for Quora, a sample in the same layout): counts and a few rows."""

import gzip
import os
import zipfile
from pathlib import Path

import pytest

from augsbert.datasets.checks import read_splits
from augsbert.datasets.quora import Quora
from augsbert.datasets.stsb import LAYOUT, ROWS, Stsb
from augsbert.datasets.table import Table
from augsbert.pairs import Splits, unordered_keys

DATA = Path(os.environ.get("AUGSBERT_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))


def real(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not there")
    return path


def sizes(splits: Splits) -> list[int]:
    return [len(table) for table in splits[:3]]


def leaks(splits: Splits) -> int:
    train, dev, test = (set(unordered_keys(table)) for table in splits[:3])
    return len(train & dev) + len(train & test) + len(dev & test)


def test_stsb_has_the_published_rows() -> None:
    tables = read_splits(real("stsbenchmark.tsv.gz"), LAYOUT)
    assert {name: len(table) for name, table in tables.items()} == ROWS


def test_stsb_repeats_are_merged_and_leaks_dropped() -> None:
    splits = Stsb(str(real("stsbenchmark.tsv.gz")))()
    assert splits.task == "regression"
    assert sizes(splits) == [5674, 1494, 1379]
    assert leaks(splits) == 0
    assert splits.train.iloc[1].tolist() == ["A man is playing a large flute.", "A man is playing a flute.", 0.76]


def test_stsb_reads_the_same_unpacked(tmp_path: Path) -> None:
    archive = real("stsbenchmark.tsv.gz")
    (tmp_path / "sts.tsv").write_bytes(gzip.decompress(archive.read_bytes()))
    there, here = Stsb(str(archive))(), Stsb(str(tmp_path / "sts.tsv"))()
    assert all(one.equals(other) for one, other in zip(there[:3], here[:3], strict=True))


def test_quora_reads_the_same_from_zip_and_folder(tmp_path: Path) -> None:
    archive = real("quora-IR-dataset.zip")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    zipped, unpacked = Quora(str(archive))(), Quora(str(tmp_path))()
    assert zipped.task == "binary"
    assert leaks(zipped) == 0
    assert all(one.equals(other) for one, other in zip(zipped[:3], unpacked[:3], strict=True))
    if archive.stat().st_size == 1_941_185:  # the sample, not the whole archive
        assert sizes(zipped) == [28962, 4000, 6000]
        assert zipped.train["score"].mean() == pytest.approx(0.377, abs=5e-4)


def test_bws_reads_as_a_table() -> None:
    train, dev, test = (str(real(f"bws/{name}split.csv")) for name in ("train", "dev", "test"))
    splits = Table(train, dev, test, columns={"sentence1": "argument1", "sentence2": "argument2"})()
    assert sizes(splits) == [2125, 425, 850]


def test_mrpc_reads_as_a_table_with_dev_drawn() -> None:
    train, test = (str(real(f"mrpc/msr_paraphrase_{split}.txt")) for split in ("train", "test"))
    columns = {"sentence1": "#1 String", "sentence2": "#2 String", "score": "Quality"}
    splits = Table(train, test=test, columns=columns, task="binary", draw={"dev_size": 0.1})()
    assert sizes(splits) == [3668, 408, 1725]
