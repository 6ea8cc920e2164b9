"""The packaged sample: what its script makes, split without leaks, small, and not solved by overlap of words."""

import gzip
import importlib
import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from scipy.stats import spearmanr

from augsbert.datasets.sample import Sample
from augsbert.pairs import SENTENCES, Splits, distinct_sentences, unordered_keys

MAKE = Path(__file__).parents[2] / "experiments" / "sample" / "make.py"


@pytest.fixture(scope="module")
def sample() -> Splits:
    return Sample()()


@pytest.fixture(scope="module")
def make() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(MAKE.parent))
        yield importlib.import_module(MAKE.stem)
        for name in ("make", "scenes", "wording"):
            sys.modules.pop(name, None)


def test_the_script_makes_the_packaged_rows_again(make: ModuleType, tmp_path: Path) -> None:
    make.main(tmp_path)
    for packaged in Sample().files():
        made = gzip.decompress((tmp_path / packaged.name).read_bytes())
        assert made == gzip.decompress(packaged.read_bytes()), f"{packaged.name}: run experiments/sample/make.py"


def test_the_packaged_files_hold_no_time_and_stay_under_300_kb() -> None:
    blobs = [path.read_bytes() for path in Sample().files()]
    assert sum(map(len, blobs)) < 300_000
    assert {blob[4:8] for blob in blobs} == {bytes(4)}  # the time in a gzip header


def test_no_sentence_is_in_two_splits_and_no_pair_twice(sample: Splits) -> None:
    tables = [sample.train, sample.dev, sample.test]
    assert all(unordered_keys(table).is_unique for table in tables)
    for one, other in itertools.combinations(map(distinct_sentences, tables), 2):
        assert not set(one) & set(other)


def test_no_row_is_lost_on_reading(sample: Splits) -> None:
    rows = [len(gzip.decompress(path.read_bytes()).splitlines()) - 1 for path in Sample().files()]
    assert [len(table) for table in sample[:3]] == rows


def test_the_pool_is_much_larger_than_a_thousand_gold_pairs(sample: Splits) -> None:
    assert len(sample.train) >= 3000
    assert len(distinct_sentences(sample.train)) >= 4000


def test_scores_are_graded_and_no_pair_is_a_sentence_with_itself(sample: Splits) -> None:
    for table in sample[:3]:
        assert table["score"].between(0, 1).all()
        assert table["score"].nunique() > 10
        assert (table["sentence1"] != table["sentence2"]).all()


def test_overlap_of_words_alone_ranks_the_test_pairs_badly(sample: Splits, make: ModuleType) -> None:
    overlaps = [make.overlap(first, second) for first, second in sample.test[SENTENCES].to_numpy()]
    assert spearmanr(overlaps, sample.test["score"]).statistic < 0.5


def test_the_score_knows_roles_denial_and_details_and_not_the_order_of_the_pair(make: ModuleType) -> None:
    scene = make.Scene("farm", "social", "thank", "farmer", "vet", None, "barn", "dawn", None, None, True)
    denied = replace(scene, happened=False)
    exchanged, moved = replace(scene, agent="vet", thing="farmer"), replace(scene, place="meadow")
    assert make.similarity(scene, scene) == 1
    assert 1 > make.similarity(scene, moved) > make.similarity(scene, denied) > 0
    assert make.similarity(scene, moved) > make.similarity(scene, exchanged) > 0
    assert make.similarity(scene, replace(scene, topic="town")) == 0
    assert make.similarity(denied, moved) == make.similarity(moved, denied)
