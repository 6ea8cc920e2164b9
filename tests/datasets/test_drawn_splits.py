"""MRPC and BWS: the sizes of their splits, what is drawn, and what is wrong with a folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from augsbert.datasets.bws import Bws
from augsbert.datasets.mrpc import Mrpc
from augsbert.errors import UserError
from augsbert.pairs import Splits, unordered_keys


def _sizes(splits: Splits) -> tuple[int, int, int]:
    return len(splits.train), len(splits.dev), len(splits.test)


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


@pytest.mark.parametrize(("part", "name"), [(Mrpc, "mrpc"), (Bws, "bws")])
def test_a_draw_hangs_on_its_seed_alone_and_no_pair_is_in_two_splits(
    data: Callable[[str], Path], part: Callable[..., Callable[[], Splits]], name: str
) -> None:
    drawn = "paper" if name == "mrpc" else "in_topic"
    first, again, other = (part(str(data(name)), split=drawn, seed=seed)() for seed in (1, 1, 2))
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


def test_an_empty_file_and_a_missing_column_are_named(data: Callable[[str], Path], tmp_path: Path) -> None:
    folder = shutil.copytree(data("mrpc"), tmp_path / "mrpc")
    (folder / "msr_paraphrase_test.txt").chmod(0o644)
    (folder / "msr_paraphrase_test.txt").write_text("")
    with pytest.raises(UserError, match=r"msr_paraphrase_test.txt: the file is empty"):
        Mrpc(str(folder))()
    (folder / "msr_paraphrase_test.txt").write_text("Quality\tfirst\tsecond\n1\ta\tb\n")
    with pytest.raises(UserError, match="no column '#1 String'"):
        Mrpc(str(folder))()


def test_a_corpus_that_is_cut_short_is_refused(data: Callable[[str], Path], tmp_path: Path) -> None:
    name = "BWS_Argument_Similarity_Corpus.csv"
    lines = (data("bws") / name).read_text(encoding="utf8").splitlines(keepends=True)
    (tmp_path / name).write_text("".join(lines[:900]), encoding="utf8")
    with pytest.raises(UserError, match=r"8\d\d pairs, and dev and test take 929. Is the file whole"):
        Bws(str(tmp_path), split="in_topic")()


def test_a_split_that_is_not_known_is_refused() -> None:
    with pytest.raises(UserError, match=r"dataset\.split=cross_topic: it must be one of official, paper"):
        Mrpc("x", split="cross_topic")  # type: ignore[arg-type]
