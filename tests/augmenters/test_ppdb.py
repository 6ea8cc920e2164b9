"""PPDB: the best paraphrases of the words at hand, from a file of any size, whose bad lines are named."""

from __future__ import annotations

import gzip
import logging
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from augsbert.augmenters.ppdb import SynonymPPDB
from augsbert.errors import UserError


def _line(source: str, target: str, score: float | None = 5.0) -> str:
    features = "PPDB1.0Score=3.1 Abstract=0" + ("" if score is None else f" PPDB2.0Score={score}")
    return f"[NN] ||| {source} ||| {target} ||| {features} ||| 0-0 ||| Equivalence\n"


LINES = [
    *(_line("dog", name, score) for name, score in (("hound", 4.0), ("puppy", 5.0), ("canine", 4.0), ("beast", 1.0))),
    _line("car", "automobile"),
    _line("the dog", "the hound"),
    _line("dog", "dog", 9.0),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ppdb.gz"
    path.write_bytes(gzip.compress("".join(LINES).encode()))
    return path


def test_the_best_paraphrases_come_first_and_the_poor_ones_not_at_all(file: Path) -> None:
    assert SynonymPPDB(str(file)).paraphrases({"dog"}) == {"dog": ["puppy", "canine", "hound"]}
    assert SynonymPPDB(str(file), top_k=2).paraphrases({"dog"}) == {"dog": ["puppy", "canine"]}
    assert SynonymPPDB(str(file), min_score=0.5).paraphrases({"dog"})["dog"][-1] == "beast"


def test_a_paraphrase_that_stands_there_twice_takes_one_place(tmp_path: Path) -> None:
    path = tmp_path / "ppdb"
    twice = [("puppy", 4.9), ("puppy", 5.0), ("hound", 4.0), ("puppy", 4.5), ("canine", 3.9), ("Dog", 6.0)]
    path.write_text("".join(_line("dog", target, score) for target, score in twice))
    assert SynonymPPDB(str(path), top_k=3).paraphrases({"dog"}) == {"dog": ["puppy", "hound", "canine"]}


def test_words_are_replaced_in_their_case(file: Path) -> None:
    sentences = ["A DOG, and a car 3.", "A DOG, AND A CAR 3."]  # in the first one, DOG may be a name as NATO is
    made = SynonymPPDB(str(file), top_k=1, share=1.0).rewrite(sentences, np.random.default_rng(0))
    assert made == ["A DOG, and an automobile 3.", "A PUPPY, AND AN AUTOMOBILE 3."]


def test_a_release_without_scores_is_read_with_min_score_0(tmp_path: Path) -> None:
    path = tmp_path / "ppdb-1.0"
    path.write_text(_line("dog", "hound", None))
    assert SynonymPPDB(str(path), min_score=0).paraphrases({"dog"}) == {"dog": ["hound"]}
    assert SynonymPPDB(str(path)).paraphrases({"dog"}) == {}


def test_a_file_of_any_size_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("w") as stream:
        for number in range(60_000):
            stream.write(_line(f"word{number}", f"{'x' * 100}{number}"))
            stream.write(_line("dog", f"{'y' * 100}{number}", number / 10_000))
    assert path.stat().st_size > 20e6
    tracemalloc.start()
    found = SynonymPPDB(str(path), top_k=3).paraphrases({"dog"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [word.lstrip("y") for word in found["dog"]] == ["59999", "59998", "59997"]
    assert peak < 1e6


def test_few_malformed_lines_are_passed_over_with_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "ppdb"
    path.write_text(_line("dog", "hound") * 300 + "broken\n" + _line("car", "auto") + "[X] ||| a ||| ||| b\n")
    with caplog.at_level(logging.WARNING):
        assert set(SynonymPPDB(str(path)).paraphrases({"dog", "car"})) == {"dog", "car"}
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: 2 malformed lines passed over: lines 301, 303"
    ]


def test_of_many_malformed_lines_the_first_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "ppdb"
    path.write_text(_line("dog", "hound") * 2000 + "broken\n" * 12)
    SynonymPPDB(str(path)).paraphrases({"dog"})
    numbers = ", ".join(str(number) for number in range(2001, 2011))
    assert caplog.messages == [f"{path}: 12 malformed lines passed over: lines {numbers} and 2 more"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,c\n", "line 1: not of PPDB's form"),
        ("", "the file is empty"),
        (_line("dog", "hound") + "broken\n", "1 of 2 lines are malformed, line 2: not of PPDB's form"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "other"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        SynonymPPDB(str(path)).paraphrases({"dog"})


def test_a_file_that_is_not_named_or_not_there_is_said() -> None:
    with pytest.raises(UserError, match="path=null: name a PPDB file"):
        SynonymPPDB().files()
    with pytest.raises(UserError, match="path=nowhere: there is no such file"):
        SynonymPPDB("nowhere").files()
