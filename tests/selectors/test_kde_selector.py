"""The paper's density ratio: the formula, the densities behind it, and what becomes of silver's distribution."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import gaussian_kde, ks_2samp, kstest

from augsbert.errors import UserError
from augsbert.pairs import Evidence
from augsbert.selectors.kde import KDE, density

GOLD = np.random.default_rng(0).beta(3, 2, 2_000)


def _random_silver(seed: int) -> np.ndarray:
    """Mostly low, as the scores of random pairs are, with some of every score."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.beta(1, 6, 28_000), rng.random(12_000)])


SILVER = _random_silver(1)


def _table(scores: np.ndarray) -> pd.DataFrame:
    names = [str(place) for place in range(len(scores))]
    return pd.DataFrame({"sentence1": names, "sentence2": "b", "score": scores, "origin": "random"})


def _evidence(scores: np.ndarray) -> Evidence:
    gold = _table(scores)
    return Evidence(gold, dev=lambda: gold)


def _kept(selector: KDE) -> np.ndarray:
    return selector(_table(SILVER), _evidence(GOLD))["score"].to_numpy()


@pytest.mark.parametrize("scores", [GOLD, SILVER[:500], np.tile([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], 50), np.array([0, 1])])
def test_the_density_on_the_grid_is_the_direct_sum_of_kernels(scores: np.ndarray) -> None:
    direct = gaussian_kde(scores)
    at = np.concatenate([scores[:200], np.linspace(0, 1, 201)])
    np.testing.assert_allclose(density(scores, at, np.sqrt(direct.covariance[0, 0])), direct(at), rtol=1e-3, atol=1e-6)


def test_a_pair_is_kept_with_the_papers_probability() -> None:
    gold, silver = gaussian_kde(GOLD)(SILVER[:500]), gaussian_kde(SILVER)(SILVER[:500])
    papers = np.where(gold >= silver, 1, gold / silver)
    np.testing.assert_allclose(KDE().acceptance(SILVER, GOLD)[:500], papers, rtol=1e-3, atol=1e-9)


def test_the_draw_follows_the_probabilities() -> None:
    scores = np.tile([0.1, 0.5, 0.9], 20_000)
    chances = KDE().acceptance(scores, GOLD)[:3]
    kept = KDE(seed=5)(_table(scores), _evidence(GOLD))["score"].value_counts()
    assert chances.min() < 0.5
    assert [kept.get(score, 0) / 20_000 for score in (0.1, 0.5, 0.9)] == pytest.approx(chances, abs=0.015)


@pytest.mark.parametrize("seed", range(5))
def test_silver_then_matches_golds_distribution_where_it_has_enough_of_every_score(seed: int) -> None:
    gold, silver = np.random.default_rng(seed).beta(3, 2, 1_000), _random_silver(100 + seed)
    kept = KDE(scale=0.15, seed=seed)(_table(silver), _evidence(gold))["score"]
    assert ks_2samp(silver, gold).pvalue < 1e-100
    assert len(kept) > 4_000
    assert ks_2samp(kept, gold).pvalue > 0.05


def test_in_the_papers_one_pass_silver_is_left_spread_as_the_smaller_of_both_densities() -> None:
    at = np.linspace(-0.5, 1.5, 2_001)
    smaller = np.minimum(gaussian_kde(GOLD)(at), gaussian_kde(SILVER)(at)).cumsum()
    kept = _kept(KDE())
    assert kstest(kept, lambda scores: np.interp(scores, at, smaller / smaller[-1])).statistic < 0.02
    assert ks_2samp(kept, GOLD).statistic < 0.6 * ks_2samp(SILVER, GOLD).statistic


def test_a_smaller_scale_keeps_a_part_of_what_a_larger_one_keeps() -> None:
    large, small = _kept(KDE(scale=0.8)), _kept(KDE(scale=0.2))
    assert len(small) < len(large)
    assert np.isin(small, large).all()


def test_silver_that_is_spread_as_gold_is_kept_but_for_noise() -> None:
    silver = np.random.default_rng(2).beta(3, 2, 20_000)
    assert len(KDE()(_table(silver), _evidence(GOLD))) > 0.93 * len(silver)


def test_another_seed_draws_other_pairs() -> None:
    first, second = _kept(KDE(seed=0)), _kept(KDE(seed=1))
    assert 0 < len(np.intersect1d(first, second)) < len(first)


def test_kernels_are_worked_out_on_a_grid_and_not_at_every_score(monkeypatch: pytest.MonkeyPatch) -> None:
    places, exp = [], np.exp

    def counted(values: np.ndarray) -> np.ndarray:
        places.append(np.size(values))
        return exp(values)

    monkeypatch.setattr(np, "exp", counted)
    silver = np.random.default_rng(0).beta(0.5, 500, 10_000).astype(np.float32)
    KDE().acceptance(silver, GOLD)
    assert 0 < sum(places) < len(silver)  # 120 million, as the formula stands


@pytest.mark.parametrize(
    ("gold", "silver", "told"),
    [
        ([0.5] * 20, [0.1, 0.9], r"the 20 scores of gold \(0.5000..0.5000\)"),
        ([0.5], [0.1, 0.9], r"the 1 scores of gold"),
        ([], [0.1, 0.9], r"the 0 scores of gold \(none\)"),
        ([0.1, 0.9], [0.7] * 30, r"the 30 scores of silver \(0.7000..0.7000\)"),
        ([0.1, 0.9], [0.7], r"the 1 scores of silver"),
    ],
)
def test_scores_without_a_spread_are_refused_unless_a_bandwidth_is_given(
    gold: list[float], silver: list[float], told: str
) -> None:
    table, evidence = _table(np.array(silver)), _evidence(np.array(gold))
    with pytest.raises(UserError, match=rf"^bandwidth=null: none follows from {told}.*Set a bandwidth, such as 0.05"):
        KDE()(table, evidence)
    if gold:
        assert len(KDE(bandwidth=0.2)(table, evidence)) <= len(silver)


def test_no_gold_at_all_is_refused_with_any_bandwidth() -> None:
    with pytest.raises(UserError, match="gold has no pairs"):
        KDE(bandwidth=0.1)(_table(SILVER[:9]), _evidence(np.array([])))
