from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augsbert.pairs import Evidence
from augsbert.selectors.balance import Balance


def _kept(selector: Balance, scores: np.ndarray) -> pd.DataFrame:
    names = [str(place) for place in range(len(scores))]
    scored = pd.DataFrame({"sentence1": names, "sentence2": "b", "score": scores, "origin": "bm25"})
    return selector(scored, Evidence(scored, dev=lambda: scored))


LABELS = np.random.default_rng(0).permutation(np.repeat([0.0, 1.0], [900, 100]))
SCORES = np.random.default_rng(0).beta(1, 4, 5_000)


@pytest.mark.parametrize("bins", [2, 10, 33])
def test_classes_come_out_equal_whatever_the_bins(bins: int) -> None:
    assert _kept(Balance(bins=bins), LABELS)["score"].value_counts().to_dict() == {0.0: 100, 1.0: 100}


def test_bins_come_out_equal_to_the_smallest_that_is_not_empty() -> None:
    scores = SCORES[(SCORES < 0.4) | (SCORES >= 0.6)]
    before, _ = np.histogram(scores, bins=5, range=(0, 1))
    after, _ = np.histogram(_kept(Balance(bins=5), scores)["score"], bins=5, range=(0, 1))
    assert before[2] == 0
    assert after.tolist() == [before[before > 0].min() * (count > 0) for count in before]


def test_a_cap_leaves_the_smaller_bins_as_they_are() -> None:
    before, _ = np.histogram(SCORES, bins=10, range=(0, 1))
    after, _ = np.histogram(_kept(Balance(per_bin=200), SCORES)["score"], bins=10, range=(0, 1))
    assert before.min() < 200 < before.max()
    assert after.tolist() == np.minimum(before, 200).tolist()


def test_a_score_on_an_edge_is_in_the_upper_bin_however_its_float_is_rounded() -> None:
    scores = np.concatenate([np.full(5, 0.1 * 3), np.full(5, 0.3), np.full(5, 0.35), np.full(3, 0.25)])
    assert _kept(Balance(bins=10), scores)["score"].between(0.29, 0.4).sum() == 3


def test_a_smaller_cap_keeps_a_part_of_what_a_larger_one_keeps() -> None:
    small, large = (_kept(Balance(per_bin=size, seed=4), SCORES).index for size in (20, 50))
    assert set(small) < set(large)


def test_every_pair_of_a_bin_is_drawn_equally_often() -> None:
    draws = [_kept(Balance(per_bin=2, seed=seed), np.full(8, 0.5)).index.to_numpy() for seed in range(800)]
    assert np.bincount(np.concatenate(draws)) == pytest.approx(np.full(8, 200), abs=45)


def test_pairs_of_one_bin_are_all_kept() -> None:
    assert len(_kept(Balance(), np.full(7, 0.5))) == 7
