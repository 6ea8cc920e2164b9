"""The pool: whose sentences and pairs it holds, from which files, in how much memory."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from augsbert.errors import UserError
from augsbert.pool import unlabelled

GOLD = pd.DataFrame({"sentence1": ["a"], "sentence2": ["b"], "score": [1.0]})
TRAIN = pd.DataFrame({"sentence1": ["a", "c"], "sentence2": ["b", "a"], "score": [1.0, 0.0]})


@pytest.mark.parametrize(("pool", "sentences"), [("train", ["a", "b", "c"]), ("gold", ["a", "b"])])
def test_the_pool_is_of_train_or_of_gold_and_has_no_scores(pool: str, sentences: list[str]) -> None:
    made = unlabelled(pool, TRAIN, GOLD)
    assert made.sentences == sentences
    assert list(made.pairs.columns) == ["sentence1", "sentence2"]


def _write(folder: Path, name: str) -> Path:
    path, pairs = folder / name, pd.DataFrame({"sentence1": [" a ", "b"], "sentence2": ["b", "c"]})
    single = pd.DataFrame({"sentence": ["a", "b ", "c", "a"], "other": 1})
    if name.endswith(".txt"):
        path.write_text("a\n\n b \nc\r\na\n")
    elif name.endswith(".txt.gz"):
        path.write_bytes(gzip.compress(b"a\nb\n\nc\na\n"))
    elif name.endswith(".jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in pairs.to_dict("records")))
    elif name.endswith(".parquet"):
        single.to_parquet(path)
    else:
        (single if "single" in name else pairs).to_csv(path, index=False, sep="," if name.endswith("csv") else "\t")
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "single.csv", "a.parquet", "pairs.csv", "pairs.tsv", "a.jsonl"])
def test_a_file_of_any_kind_gives_its_distinct_sentences(tmp_path: Path, name: str) -> None:
    made = unlabelled(str(_write(tmp_path, name)), TRAIN, GOLD)
    assert made.sentences == ["a", "b", "c"]
    pairs = [["a", "b"], ["b", "c"]] if name in ("pairs.csv", "pairs.tsv", "a.jsonl") else []
    assert made.pairs.to_numpy().tolist() == pairs


def test_the_mark_that_begins_a_file_is_no_part_of_its_first_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffa dog\na cat\n".encode())
    assert unlabelled(str(tmp_path / "a.txt"), TRAIN, GOLD).sentences == ["a dog", "a cat"]


def test_several_files_are_one_pool(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("c\nd\n")
    made = unlabelled([str(_write(tmp_path, "pairs.csv")), str(tmp_path / "more.txt")], TRAIN, GOLD)
    assert made.sentences == ["a", "b", "c", "d"]
    assert len(made.pairs) == 2


def test_a_table_without_sentences_is_refused_with_the_columns_it_has(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sentense,other\na,b\n")
    with pytest.raises(UserError, match="no column 'sentence'"):
        unlabelled(str(tmp_path / "a.csv"), TRAIN, GOLD)


MANY = pd.DataFrame({"sentence": [f"this is sentence number {number} of many" for number in range(50_000)]})
MANY_PAIRS = pd.DataFrame({"sentence1": MANY["sentence"][::2].array, "sentence2": MANY["sentence"][1::2].array})
WRITERS: dict[str, Callable[[Path], None]] = {
    "many.txt": lambda path: path.write_text("\n".join(MANY["sentence"])),
    "many.csv": lambda path: MANY.to_csv(path, index=False),
    "many.jsonl": lambda path: MANY.to_json(path, orient="records", lines=True),
    "many.parquet": lambda path: MANY.to_parquet(path),
    "pairs.csv": lambda path: MANY_PAIRS.to_csv(path, index=False),
    "pairs.parquet": lambda path: MANY_PAIRS.to_parquet(path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_memory_stays_within_a_few_times_the_text(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    tracemalloc.start()
    made = unlabelled(str(tmp_path / name), TRAIN, GOLD)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(made.sentences) == len(MANY)
    assert peak < 10 * MANY["sentence"].str.len().sum()


@pytest.mark.parametrize(("name", "columns"), [("p.jsonl", ["sentence"]), ("p.jsonl", ["sentence1", "sentence2"])])
def test_half_a_surrogate_pair_is_refused_with_the_file(name: str, columns: list[str], tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(dict.fromkeys(columns, "a \ud83d")) + "\n")
    with pytest.raises(UserError, match=rf"^pool={path}: '.*' holds half a surrogate pair"):
        unlabelled(str(path), TRAIN, GOLD)
