"""The table: order-free duplicates, the leak guard, draws by seed, gold never doubled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augsbert.errors import UserError
from augsbert.pairs import (
    SENTENCES,
    Splits,
    candidate_pairs,
    distinct_sentences,
    draw,
    guard_leaks,
    hold_out,
    merge_duplicates,
    mix,
    repeated,
    task_of,
    unordered_codes,
    unordered_keys,
    without,
)


def _pairs(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["sentence1", "sentence2", "score"])


def _random_pairs(seed: int, rows: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    words = np.array([f"s{i}" for i in range(25)])
    return pd.DataFrame(
        {"sentence1": random.choice(words, rows), "sentence2": random.choice(words, rows), "score": random.random(rows)}
    )


def test_a_pair_and_its_reverse_have_one_key() -> None:
    assert unordered_keys(_pairs(("a", "b", 0.1), ("b", "a", 0.9), ("a", "c", 0.5))).nunique() == 2


def test_codes_are_equal_where_keys_are_within_a_table_and_across_tables() -> None:
    tables = [_random_pairs(0), _random_pairs(1)[150:], _random_pairs(2)[:0]]
    codes, keys = np.concatenate(unordered_codes(*tables)), pd.concat([unordered_keys(table) for table in tables])
    assert [len(found) for found in unordered_codes(*tables)] == [200, 50, 0]
    np.testing.assert_array_equal(codes[:, None] == codes, keys.to_numpy()[:, None] == keys.to_numpy())
    assert 1 < keys.nunique() < len(keys)


def test_a_row_is_repeated_where_its_pair_stands_before_it_in_either_order() -> None:
    assert repeated(_pairs(("a", "b", 0.1), ("b", "a", 0.9), ("a", "c", 0.5), ("a", "b", 0.2))).tolist() == [0, 1, 0, 1]
    table = _random_pairs(0)
    np.testing.assert_array_equal(repeated(table), unordered_keys(table).duplicated())
    assert repeated(table[:0]).shape == (0,)


def test_no_pair_is_in_two_splits_after_the_guard_and_test_is_as_published() -> None:
    splits = Splits(_random_pairs(0), _random_pairs(1), _random_pairs(2), "regression")
    guarded = guard_leaks(splits)
    train, dev, test = (set(unordered_keys(table)) for table in guarded[:3])
    assert not train & dev
    assert not train & test
    assert not dev & test
    pd.testing.assert_frame_equal(guarded.test, splits.test)


def test_a_pair_with_two_scores_is_an_error_or_their_mean() -> None:
    table = _pairs(("a", "b", 0.2), ("c", "d", 0.5), ("b", "a", 0.6))
    with pytest.raises(UserError, match=r"gold\.csv, rows 0, 2: the pair \('a', 'b'\) .* dataset\.duplicates=mean"):
        merge_duplicates(table, "error", "gold.csv")
    merged = merge_duplicates(table, "mean", "gold.csv")
    assert merged["score"].tolist() == pytest.approx([0.4, 0.5])


def test_a_smaller_draw_is_part_of_a_larger_one_and_another_seed_draws_others() -> None:
    table = _random_pairs(0).assign(score=range(200))
    small, large = (set(draw(table, size, seed=7)["score"]) for size in (20, 80))
    assert small < large
    assert small != set(draw(table, 20, seed=8)["score"])
    pd.testing.assert_frame_equal(draw(table, None, seed=7), table)


def test_what_is_held_out_is_a_share_that_the_seed_draws_and_the_rest_stays() -> None:
    table = _random_pairs(0).assign(score=range(200))
    stays, aside = hold_out(table, 0.1, seed=7)
    assert len(aside) == 20
    assert sorted([*stays["score"], *aside["score"]]) == table["score"].tolist()
    pd.testing.assert_frame_equal(hold_out(table, 0.1, seed=7)[1], aside)
    other = hold_out(table, 0.1, seed=8)[1]
    # Neither draw is a stretch of the table, which may be sorted.
    assert max(set(aside["score"])) - min(set(aside["score"])) > 100
    assert len(set(aside["score"]) & set(other["score"])) < 10


@pytest.mark.parametrize(("share", "size"), [(0.001, 1), (0.999, 199), (0.5, 100)])
def test_at_least_one_pair_is_held_out_and_one_stays(share: float, size: int) -> None:
    stays, aside = hold_out(_random_pairs(0), share, seed=0)
    assert (len(stays), len(aside)) == (200 - size, size)
    with pytest.raises(UserError, match=f"holdout={share}: of 1 silver pairs none can be held out"):
        hold_out(_random_pairs(0, 1), share, seed=0)


@pytest.mark.parametrize(
    ("scores", "task"),
    [([0.0, 1.0, 1.0], "binary"), ([1.0, 1.0, 1.0], "binary"), ([0.0, 0.5, 1.0], "regression")],
)
def test_scores_that_are_all_0_or_1_pose_a_binary_task(scores: list[float], task: str) -> None:
    assert task_of(_random_pairs(0, 3).assign(score=scores)) == task


@pytest.mark.parametrize("size", [0, 201])
def test_a_draw_of_more_than_there_is_is_an_error(size: int) -> None:
    with pytest.raises(UserError, match=f"gold_size={size}"):
        draw(_random_pairs(0), size, seed=0)


def test_candidates_are_unordered_distinct_without_selfpairs_and_without_the_excluded() -> None:
    sentences = [f"s{i}" for i in range(25)]
    rows = np.random.default_rng(0).integers(0, 25, (500, 2))
    exclude = _random_pairs(3, 60)
    found = candidate_pairs(sentences, rows, "any", exclude)
    keys = unordered_keys(found)
    assert keys.is_unique
    assert (found["sentence1"] != found["sentence2"]).all()
    assert not set(keys) & set(unordered_keys(exclude))
    expected = {frozenset(p) for p in rows.tolist() if p[0] != p[1]}
    expected = {frozenset(sentences[i] for i in p) for p in expected}
    assert {frozenset(p) for p in found[["sentence1", "sentence2"]].to_numpy().tolist()} == {
        p for p in expected if p not in {frozenset(e) for e in exclude[["sentence1", "sentence2"]].to_numpy().tolist()}
    }


def test_gold_stands_once_beside_silver_whatever_the_model() -> None:
    gold, silver = _random_pairs(0, 10), _random_pairs(1, 30).assign(origin="bm25")
    mixed = mix(gold, silver)
    columns = [*SENTENCES, "score"]
    assert mixed["origin"].tolist() == ["gold"] * 10 + ["bm25"] * 30
    pd.testing.assert_frame_equal(mixed[columns], pd.concat([gold, silver])[columns].reset_index(drop=True))


def test_without_and_distinct_sentences() -> None:
    table = _pairs(("a", "b", 0.1), ("c", "a", 0.2))
    assert without(table, _pairs(("b", "a", 0.0)))["sentence1"].tolist() == ["c"]
    pd.testing.assert_frame_equal(without(table), table)
    assert distinct_sentences(table) == ["a", "b", "c"]
