"""Tests of differences find what is there and no more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.stats import binomtest, chi2, spearmanr, ttest_1samp

from augsbert.reporting.resampling import resampled
from augsbert.reporting.significance import Compared, compare, holm, mcnemar, over_seeds


class Scored(NamedTuple):
    """One seed's scores (n,) of the test pairs, and their gold (n,)."""

    gold: np.ndarray
    baseline: np.ndarray
    other: np.ndarray
    upper: np.ndarray | None = None


def over_pairs(seeds: Sequence[Scored], metric: str) -> Compared:
    """Two encoders compared by a bootstrap over pairs, seeds averaged."""
    found = [[resampled(s.gold, scores, metric) for scores in s[1:] if scores is not None] for s in seeds]
    uppers = [values[2] if len(values) == 3 else None for values in found]
    return compare([values[0] for values in found], [values[1] for values in found], uppers)


def _seeds(gain: float, size: int = 400, count: int = 2) -> list[Scored]:
    """Scores whose noise shrinks by ``gain``, and an upper bound without noise."""
    random = np.random.default_rng(3)
    gold = random.random(size)
    noise = random.standard_normal((2, count, size))
    return [Scored(gold, gold + noise[0, i], gold + (1 - gain) * noise[1, i], gold) for i in range(count)]


def test_a_large_gain_is_sure_and_its_interval_holds_it() -> None:
    found = over_pairs(_seeds(0.5), "spearman")
    assert found.p_pairs < 0.01
    assert 0 < found.interval[0] < found.difference < found.interval[1]
    assert 0 < found.share_interval[0] < found.share < found.share_interval[1] < 1


def test_no_gain_is_called_chance() -> None:
    found = over_pairs(_seeds(0.0), "spearman")
    assert found.p_pairs > 0.05
    assert found.interval[0] < 0 < found.interval[1]


def test_the_difference_is_that_of_the_sample_itself_averaged_over_seeds() -> None:
    seeds = _seeds(0.3)
    wanted = np.mean([spearmanr(s.other, s.gold).statistic - spearmanr(s.baseline, s.gold).statistic for s in seeds])
    assert over_pairs(seeds, "spearman").difference == pytest.approx(wanted)


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Metrics of a baseline, another encoder and an upper bound: two seeds, as they are (far out) and 999 resamples."""
    random = np.random.default_rng(2)
    baseline, other, upper = (mean + 0.1 * random.standard_normal((2, 1000)) for mean in (0.4, 0.5, 2.0))
    other[:, 0], upper[:, 0] = 1.0, 1.5
    return baseline, other, upper


def test_an_interval_holds_the_middle_95_percent_of_the_resamples(drawn: tuple[np.ndarray, ...]) -> None:
    found = compare(*map(list, drawn))
    baseline, other, upper = (values.mean(axis=0) for values in drawn)
    gain, share = other - baseline, (other - baseline) / (upper - baseline)
    assert (found.difference, found.share) == pytest.approx((gain[0], share[0]))
    assert found.interval == pytest.approx(np.quantile(gain[1:], [0.025, 0.975]))
    assert found.share_interval == pytest.approx(np.quantile(share[1:], [0.025, 0.975]))


def test_the_p_value_is_twice_the_smaller_tail_whichever_encoder_is_better(drawn: tuple[np.ndarray, ...]) -> None:
    baseline, other, upper = map(list, drawn)
    tail = ((drawn[1] - drawn[0]).mean(axis=0)[1:] <= 0).sum()
    assert tail > 10
    for pair in ((baseline, other), (other, baseline)):
        assert compare(*pair, upper).p_pairs == pytest.approx(2 * (tail + 1) / 1000)


def test_false_alarms_are_as_rare_as_the_level_says() -> None:
    random, alarms = np.random.default_rng(5), 0
    for _ in range(200):
        gold = random.random(60)
        scores = gold + random.standard_normal((2, 60))
        alarms += over_pairs([Scored(gold, scores[0], scores[1])], "pearson").p_pairs < 0.05
    assert 4 <= alarms <= 18  # 10 are due


def test_without_an_upper_bound_or_below_it_there_is_no_share() -> None:
    without = [seed._replace(upper=None) for seed in _seeds(0.3)]
    worse = [seed._replace(upper=-seed.gold) for seed in _seeds(0.3)]
    for seeds in (without, worse):
        found = over_pairs(seeds, "spearman")
        assert math.isnan(found.share)
        assert all(math.isnan(bound) for bound in found.share_interval)


def _labels(lost: int, won: int, share: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Right labels before and after, of which so many are lost and won (under a share of the seeds)."""
    before, after = np.ones(500), np.ones(500)
    after[:lost] -= share
    before[lost : lost + won] -= share
    return before, after


@pytest.mark.parametrize(("lost", "won"), [(60, 120), (17, 33), (0, 50)])
def test_mcnemar_has_no_continuity_correction_where_many_labels_differ(lost: int, won: int) -> None:
    statistic = (won - lost) ** 2 / (won + lost)
    for share in (1.0, 0.5):
        assert mcnemar(*_labels(lost, won, share)) == pytest.approx(chi2.sf(statistic, 1), rel=1e-9)


@pytest.mark.parametrize(("lost", "won"), [(0, 4), (0, 5), (2, 9), (8, 20), (0, 40), (17, 32)])
def test_mcnemar_is_the_sign_test_where_few_labels_differ(lost: int, won: int) -> None:
    for share in (1.0, 0.5):
        assert mcnemar(*_labels(lost, won, share)) == pytest.approx(binomtest(won, won + lost).pvalue, rel=1e-9)


def test_where_no_label_differs_mcnemar_is_sure_of_nothing() -> None:
    assert mcnemar(*_labels(0, 0)) == 1.0


@pytest.mark.parametrize(
    ("thirds", "near"),
    [
        ([3, 2, 2, 1, -1], {"rel": 1e-9}),
        ([-3, -3, -2, -2, -1, -1, 1, 2], {"rel": 1e-9}),
        ([3, 2, 1, -1, -2] * 6, {"abs": 0.01}),  # of so many flips some are drawn
        ([3, 2, 2, 1, -1] * 6, {"abs": 2e-4}),
    ],
)
def test_mcnemar_flips_the_signs_of_a_few_shares(thirds: list[int], near: dict[str, Any]) -> None:
    before, after = np.ones(100), np.ones(100)
    for place, third in enumerate(thirds):
        (before if third > 0 else after)[place] -= abs(third) / 3
    chances = np.ones(1)  # of each sum of the flipped differences, from the lowest
    for third in thirds:
        chances = np.convolve(chances, [0.5, *[0] * (2 * abs(third) - 1), 0.5])
    sums = np.abs(np.arange(len(chances)) - len(chances) // 2)
    assert mcnemar(before, after) == pytest.approx(chances[sums >= abs(sum(thirds))].sum(), **near)


def test_the_number_of_resamples_is_no_floor_of_the_p_value() -> None:
    found = over_pairs(_seeds(0.8), "spearman")
    assert found.p_pairs < 1e-6
    assert holm([found.p_pairs] * 100)[0] < 0.05


def test_the_share_is_over_the_seeds_that_have_the_third_encoder() -> None:
    seeds = _seeds(0.5, count=3)
    shifted = [seeds[0], *(seed._replace(baseline=-seed.gold, upper=None) for seed in seeds[1:])]
    assert over_pairs(shifted, "spearman").share == pytest.approx(over_pairs(seeds[:1], "spearman").share)


def test_holm_raises_p_values_in_order_and_passes_over_what_is_absent() -> None:
    raised = holm([0.01, math.nan, 0.04, 0.03])
    assert raised[0] == pytest.approx(0.03)
    assert math.isnan(raised[1])
    assert raised[2:] == pytest.approx([0.06, 0.06])


def test_over_seeds_needs_two_that_differ() -> None:
    assert math.isnan(over_seeds(np.array([0.7]), np.array([0.8])))
    assert over_seeds(np.array([0.70, 0.71, 0.72]), np.array([0.80, 0.82, 0.81])) < 0.05


@pytest.mark.parametrize("count", [2, 5])
def test_over_seeds_each_is_compared_with_itself(count: int) -> None:
    random = np.random.default_rng(count)
    baseline = random.random(count)  # seeds differ more than the encoders do
    other = baseline + 0.05 + 0.02 * random.standard_normal(count)
    assert over_seeds(baseline, other) == pytest.approx(ttest_1samp(other - baseline, 0).pvalue)
    assert over_seeds(other, baseline) == pytest.approx(over_seeds(baseline, other))


def test_a_metric_that_is_not_a_number_is_not_significant() -> None:
    gold = np.linspace(0, 1, 50)
    found = over_pairs([Scored(gold, gold, np.zeros(50))], "spearman")
    assert math.isnan(found.p_pairs)
    assert math.isnan(found.difference)


def test_a_gap_that_is_not_sure_is_not_shared_out() -> None:
    random = np.random.default_rng(7)
    gold = random.random(60)
    noise = random.standard_normal((3, 60))
    found = over_pairs([Scored(gold, gold + noise[0], gold + noise[1], gold + 0.95 * noise[2])], "spearman")
    assert math.isnan(found.share)


def test_a_resample_that_tells_nothing_is_left_out_of_all_alike(drawn: tuple[np.ndarray, ...]) -> None:
    for values, place in zip(drawn, (5, 6, 7), strict=True):
        values[0, place] = math.nan
    found = compare(*map(list, drawn))
    without = compare(*(list(np.delete(values, [5, 6, 7], axis=1)) for values in drawn))
    assert (found.share, *found.share_interval) == pytest.approx((without.share, *without.share_interval))


def test_of_test_sets_of_different_sizes_as_many_resamples_are_taken_as_both_have(
    drawn: tuple[np.ndarray, ...],
) -> None:
    ragged = [[first, second[:900]] for first, second in drawn]
    assert compare(*ragged) == compare(*(list(values[:, :900]) for values in drawn))
