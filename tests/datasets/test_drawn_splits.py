"""MRPC and BWS: the sizes of their splits, what is drawn, and what is wrong with a folder."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest

from augsbert.datasets import bws, mrpc
from augsbert.datasets.bws import Bws
from augsbert.datasets.mrpc import Mrpc
from augsbert.errors import UserError
from augsbert.pairs import Splits, unordered_keys


def _sizes(splits: Splits) -> tuple[int, int, int]:
    return len(splits.train), len(splits.dev), len(splits.test)


CORPUS = "BWS_Argument_Similarity_Corpus.csv"
PARTS = ("train", "dev", "test")


@pytest.fixture
def corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with both corpora, laid out as they are published, of few pairs, some of which stand there twice."""
    monkeypatch.setattr(mrpc, "SIZES", {"dev": 8, "test": 7})
    monkeypatch.setattr(bws, "IN_TOPIC_SIZES", {"dev": 8, "test": 7})
    _write_mrpc(tmp_path, "train", [*range(24), *range(4)])
    _write_mrpc(tmp_path, "test", range(10))
    rows = {name: [_argued(name, i) for i in (*range(12), 0)] for name in PARTS}
    for name in PARTS:
        _write_bws(tmp_path / f"{name}split.csv", rows[name])
    _write_bws(tmp_path / CORPUS, [row for name in PARTS for row in rows[name]])
    return tmp_path


def _write_mrpc(folder: Path, part: str, pairs: Sequence[int]) -> None:
    """With a byte order mark, carriage returns, and quotes that open and do not close; a repeat has another label."""
    rows = [f'{(i + n // 24) % 2}\t{n}\t{n + 99}\t"No, {part} {i}.\t{part} {i}: no.' for n, i in enumerate(pairs)]
    text = "\r\n".join(["Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", *rows, ""])
    (folder / f"msr_paraphrase_{part}.txt").write_bytes(text.encode("utf-8-sig"))


def _argued(topic: str, number: int) -> list[str]:
    return [f'Not, "{topic}" {number}.', f"Because , {topic} {number} ", topic, f"{number / 12:.10f}"]


def _write_bws(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["id", "argument1", "argument2", "topic", "score"])
        writer.writerows([place, *row] for place, row in enumerate(rows))


def test_mrpcs_published_test_stays_and_dev_is_drawn_from_train(corpora: Path) -> None:
    splits = Mrpc(str(corpora))()
    assert (splits.task, *_sizes(splits)) == ("binary", 16, 8, 10)
    assert list(splits.test["sentence1"]) == [f'"No, test {i}.' for i in range(10)]
    assert list(splits.test["score"]) == [0.0, 1.0] * 5
    rest = pd.concat([splits.train, splits.dev]).set_index("sentence2")["score"]
    # The first four stand there with both labels: a tie is 1.
    assert rest.to_dict() == {f"train {i}: no.": float(i < 4 or i % 2) for i in range(24)}


def test_of_mrpc_as_in_the_paper_dev_and_test_are_drawn_from_all_pairs(corpora: Path) -> None:
    splits = Mrpc(str(corpora), split="paper")()
    assert _sizes(splits) == (19, 8, 7)
    drawn = {sentence for table in splits[:3] for sentence in table["sentence2"]}
    assert drawn == {f"{part} {i}: no." for part, count in (("train", 24), ("test", 10)) for i in range(count)}


def test_bws_across_topics_has_the_split_of_its_files(corpora: Path) -> None:
    splits = Bws(str(corpora))()
    assert (splits.task, *_sizes(splits)) == ("regression", 12, 12, 13)  # test is as published, repeats and all
    for name, table in zip(PARTS, splits[:3], strict=True):
        assert table.iloc[3].tolist() == [f'Not, "{name}" 3.', f"Because , {name} 3", 0.25]
        assert table["sentence1"].str.contains(name).all()


def test_bws_in_topic_is_drawn_from_the_pairs_of_all_topics(corpora: Path) -> None:
    splits = Bws(str(corpora), split="in_topic")()
    assert _sizes(splits) == (21, 8, 7)
    drawn = {sentence for table in splits[:3] for sentence in table["sentence2"]}
    assert drawn == {f"Because , {topic} {i}" for topic in PARTS for i in range(12)}


def test_mrpc_keeps_the_published_test_and_draws_dev_from_train(data: Callable[[str], Path]) -> None:
    splits = Mrpc(str(data("mrpc")))()
    assert splits.task == "binary"
    assert _sizes(splits) == (3345, 731, 1725)
    assert splits.train["score"].mean() == pytest.approx(0.675, abs=0.02)


def test_mrpc_in_the_papers_sizes(data: Callable[[str], Path]) -> None:
    assert _sizes(Mrpc(str(data("mrpc")), split="paper")()) == (4340, 731, 730)


def test_bws_has_its_own_split_across_topics(data: Callable[[str], Path]) -> None:
    splits = Bws(str(data("bws")))()
    assert splits.task == "regression"
    assert _sizes(splits) == (2125, 425, 850)


def test_bws_in_topic_is_drawn_in_the_papers_sizes(data: Callable[[str], Path]) -> None:
    assert _sizes(Bws(str(data("bws")), split="in_topic")()) == (2471, 478, 451)


@pytest.mark.parametrize(("part", "drawn"), [(Mrpc, "paper"), (Bws, "in_topic")])
def test_a_draw_hangs_on_its_seed_alone_and_no_pair_is_in_two_splits(
    corpora: Path, part: Callable[..., Callable[[], Splits]], drawn: str
) -> None:
    first, again, other = (part(str(corpora), split=drawn, seed=seed)() for seed in (1, 1, 2))
    assert first.test.equals(again.test)
    assert not first.test.equals(other.test)
    keys = [set(unordered_keys(table)) for table in first[:3]]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert not keys[1] & keys[2]


@pytest.mark.parametrize(("part", "name"), [(Mrpc, "msr_paraphrase_train.txt"), (Bws, "trainsplit.csv")])
def test_a_folder_that_is_not_there_not_a_folder_or_lacks_a_file_is_named(
    tmp_path: Path, part: Callable[..., Mrpc | Bws], name: str
) -> None:
    with pytest.raises(UserError, match=r"dataset\.path=null: it is not downloaded\. Get "):
        part().files()
    with pytest.raises(UserError, match="there is no such file"):
        part(str(tmp_path / "nowhere")).files()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=f"is a file; the folder with {name}"):
        part(str(tmp_path / "file")).files()
    with pytest.raises(UserError, match=f"{name}: there is no such file"):
        part(str(tmp_path)).files()


def test_an_empty_file_and_a_missing_column_are_named(corpora: Path) -> None:
    (corpora / "msr_paraphrase_test.txt").write_text("")
    with pytest.raises(UserError, match=r"msr_paraphrase_test.txt: the file is empty"):
        Mrpc(str(corpora))()
    (corpora / "msr_paraphrase_test.txt").write_text("Quality\tfirst\tsecond\n1\ta\tb\n")
    with pytest.raises(UserError, match="no column '#1 String'"):
        Mrpc(str(corpora))()


def test_a_corpus_that_is_cut_short_is_refused(corpora: Path) -> None:
    lines = (corpora / CORPUS).read_text(encoding="utf8").splitlines(keepends=True)
    (corpora / CORPUS).write_text("".join(lines[:16]), encoding="utf8")
    with pytest.raises(UserError, match=r"14 pairs, and dev and test take 15\. Is the file whole"):
        Bws(str(corpora), split="in_topic")()


def test_a_split_that_is_not_known_is_refused() -> None:
    with pytest.raises(UserError, match=r"dataset\.split=cross_topic: it must be one of official, paper"):
        Mrpc("x", split="cross_topic")  # type: ignore[arg-type]
