from __future__ import annotations

import pandas as pd
import pytest

from augsbert.errors import UserError
from augsbert.pairs import Pool, unordered_keys
from augsbert.samplers.random import Random
from augsbert.samplers.union import Union

NOTHING = pd.DataFrame({"sentence1": [], "sentence2": []}, dtype="str")
POOL = Pool([f"sentence {number}" for number in range(12)], NOTHING)


class Fixed:
    """A sampler that always finds the same."""

    def __init__(self, origin: str, *pairs: str) -> None:
        self.found = pd.DataFrame([tuple(pair) for pair in pairs], columns=["sentence1", "sentence2"])
        self.found["origin"] = origin

    def __call__(self, pool: Pool, exclude: pd.DataFrame) -> pd.DataFrame:
        return self.found


def test_a_pair_that_several_find_comes_once_where_the_first_put_it() -> None:
    union = Union(words=Fixed("bm25", "ab", "cd"), meaning=Fixed("semantic", "dc", "ef", "ba"), more=Fixed("x", "fe"))
    rows = [tuple(row) for row in union(POOL, NOTHING).itertuples(index=False)]
    assert rows == [("a", "b", "bm25"), ("c", "d", "bm25"), ("e", "f", "semantic")]


def test_a_union_holds_what_each_finds_alone() -> None:
    first, second = Random(num_pairs=30, seed=0), Random(num_pairs=30, seed=1)
    exclude = Random(num_pairs=10, seed=2)(POOL, NOTHING)
    alone = [set(unordered_keys(sampler(POOL, exclude))) for sampler in (first, second)]
    both = unordered_keys(Union(first=first, second=second)(POOL, exclude))
    assert alone[0] & alone[1]
    assert set(both) == alone[0] | alone[1]
    assert both.is_unique


def test_a_union_of_one_is_that_one() -> None:
    sampler = Random(num_pairs=30, seed=0)
    pd.testing.assert_frame_equal(Union(only=sampler)(POOL, NOTHING), sampler(POOL, NOTHING))


def test_unions_nest() -> None:
    inner = Union(words=Fixed("bm25", "ab"))
    assert len(Union(inner=inner, again=inner, other=Fixed("x", "cd"))(POOL, NOTHING)) == 2


def test_a_union_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="a union without samplers: name one"):
        Union()


def test_what_is_no_sampler_is_named() -> None:
    with pytest.raises(UserError, match=r"^bm25=4: it is no sampler"):
        Union(bm25=4)  # type: ignore[arg-type]
