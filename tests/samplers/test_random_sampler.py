import math
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from augsbert.pairs import Pool, unordered_keys
from augsbert.samplers.random import Random

NOTHING = pd.DataFrame({"sentence1": [], "sentence2": []}, dtype="str")


def _pool(size: int) -> Pool:
    return Pool([f"sentence {number}" for number in range(size)], NOTHING)


@pytest.mark.parametrize("size", [2, 3, 10, 37])
def test_all_pairs_come_where_fewer_exist_than_asked_for(size: int) -> None:
    pairs = Random(num_pairs=10_000, seed=0)(_pool(size), NOTHING)
    assert unordered_keys(pairs).nunique() == len(pairs) == math.comb(size, 2)


def test_all_pairs_that_are_not_excluded_come() -> None:
    pool = _pool(20)
    exclude = Random(num_pairs=50, seed=1)(pool, NOTHING)
    rest = Random(num_pairs=10_000, seed=0)(pool, exclude)
    assert len(rest) == math.comb(20, 2) - 50


def test_exactly_num_pairs_come_where_enough_exist_beside_the_excluded() -> None:
    pool = _pool(20)
    exclude = Random(num_pairs=150, seed=1)(pool, NOTHING)
    assert len(Random(num_pairs=40, seed=0)(pool, exclude)) == 40


def test_another_seed_draws_other_pairs() -> None:
    first, second = (Random(num_pairs=50, seed=seed)(_pool(100), NOTHING) for seed in (0, 1))
    assert len(set(unordered_keys(first)) & set(unordered_keys(second))) < 10


def test_every_pair_that_is_free_is_drawn_equally_often() -> None:
    pool = _pool(8)
    exclude = pd.DataFrame({"sentence1": pool.sentences[:3], "sentence2": pool.sentences[3:6]})
    draws = [unordered_keys(Random(num_pairs=5, seed=seed)(pool, exclude)) for seed in range(600)]
    counts = pd.concat(draws).value_counts()
    assert len(counts) == math.comb(8, 2) - 3
    assert chisquare(counts).pvalue > 0.001


def test_a_large_pool_needs_no_table_of_all_its_pairs() -> None:
    pool = _pool(300_000)  # 4.5e10 pairs
    tracemalloc.start()
    pairs = Random(num_pairs=1_000, seed=0)(pool, NOTHING)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(pairs) == 1_000
    assert peak < 100 * 2**20
    places = pairs["sentence2"].str.split().str[1].astype(int)
    assert 0.6 < np.mean(places) / 300_000 < 0.73  # the later of two uniform places: 2/3
