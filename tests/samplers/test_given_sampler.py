from __future__ import annotations

import pandas as pd
import pytest

from augsbert.pairs import Pool, unordered_keys
from augsbert.samplers.given import Given

NOTHING = pd.DataFrame({"sentence1": [], "sentence2": []}, dtype="str")


def _pairs(*rows: str) -> pd.DataFrame:
    return pd.DataFrame([tuple(row) for row in rows], columns=["sentence1", "sentence2"])


def _found(sampler: Given, pairs: pd.DataFrame, exclude: pd.DataFrame = NOTHING) -> list[str]:
    found = sampler(Pool(["unread"], pairs), exclude)
    return list(found["sentence1"] + found["sentence2"])


def test_each_pair_comes_once_as_it_stands_there_first() -> None:
    assert _found(Given(), _pairs("ba", "cd", "ab", "ee", "cd", "bc")) == ["ba", "cd", "bc"]


def test_excluded_pairs_do_not_come_in_either_order() -> None:
    assert _found(Given(), _pairs("ba", "cd", "bc"), _pairs("dc", "ab", "xy")) == ["bc"]


def test_a_label_that_the_pool_had_does_not_come_along() -> None:
    found = Given()(Pool([], _pairs("ab").assign(score=1.0)), NOTHING)
    assert list(found.columns) == ["sentence1", "sentence2", "origin"]


MANY = pd.DataFrame({"sentence1": [f"left {i}" for i in range(500)], "sentence2": [f"right {i}" for i in range(500)]})


@pytest.mark.parametrize("size", [1, 37, 500, 10_000])
def test_so_many_are_drawn_or_all_where_there_are_fewer(size: int) -> None:
    found = Given(num_pairs=size, seed=0)(Pool([], MANY), NOTHING)
    assert len(found) == min(size, 500)
    assert found["sentence1"].str.split().str[1].astype(int).is_monotonic_increasing


def test_excluded_pairs_are_not_counted_among_the_drawn() -> None:
    assert len(Given(num_pairs=400, seed=0)(Pool([], MANY), MANY.iloc[:100])) == 400


def test_a_smaller_draw_is_a_part_of_a_larger_one_and_another_seed_draws_others() -> None:
    small, large, other = (
        set(unordered_keys(Given(num_pairs=size, seed=seed)(Pool([], MANY), NOTHING)))
        for size, seed in ((50, 1), (90, 1), (50, 2))
    )
    assert small < large
    assert len(small & other) < 20
