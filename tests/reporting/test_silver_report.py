"""Silver's scores beside gold's, and the warning that silver has collapsed."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy

from augsbert.reporting.silver import BINS, collapse_warning, figures, histogram, sparkline


def pairs(scores: object) -> pd.DataFrame:
    return pd.DataFrame({"sentence1": "a", "sentence2": "b", "score": np.asarray(scores, dtype=float)})


GOLD = pairs(np.linspace(0, 1, 101))


def test_every_score_is_counted_once_and_1_is_in_the_last_bin() -> None:
    bins = histogram(pairs([0.0, 0.0, 0.5, 1.0]), GOLD)
    assert len(bins) == BINS
    assert bins["silver"].sum() == 4
    assert bins["gold"].sum() == 101
    assert bins["silver"].iloc[[0, BINS // 2, -1]].tolist() == [2, 1, 1]


def test_figures_count_positives_from_one_half_and_measure_the_divergence() -> None:
    silver = pairs([0.1, 0.49, 0.5, 0.9])
    found = figures(silver, GOLD)
    bins = histogram(silver, GOLD) + 1
    assert found["silver/positives"] == 0.5
    assert found["gold/positives"] == pytest.approx(51 / 101)
    assert found["silver/kl"] == pytest.approx(entropy(bins["silver"], bins["gold"]))


def test_the_divergence_is_0_for_equal_shapes_and_finite_without_overlap() -> None:
    assert figures(GOLD, GOLD)["silver/kl"] == pytest.approx(0)
    assert np.isfinite(figures(pairs([0.0] * 500), pairs([1.0] * 500))["silver/kl"])


def test_healthy_silver_gives_no_warning() -> None:
    assert collapse_warning(pairs([0.1, 0.4, 0.8]), GOLD) is None


def test_silver_of_nearly_one_value_is_called_collapsed() -> None:
    warning = collapse_warning(pairs([0.31, 0.32, 0.33] * 10), GOLD)
    assert warning == (
        "silver has collapsed: the 30 scores are nearly one value (mean 0.320, standard deviation 0.008); "
        "0 [      @             ] 1. Look at the labeller first."
    )


def test_silver_without_positives_is_called_collapsed_only_if_gold_has_some() -> None:
    silver = pairs(np.linspace(0, 0.45, 50))
    assert "all below 0.5, while 50% of gold are not" in str(collapse_warning(silver, GOLD))
    assert collapse_warning(silver, pairs(np.linspace(0, 0.4, 50))) is None


def test_the_sparkline_shows_a_single_pair_too() -> None:
    assert sparkline(np.array([0, 1, 1000])) == " .@"


def test_scores_on_an_edge_fall_into_the_bin_above_it_whatever_their_rounding() -> None:
    bins = histogram(pairs(np.arange(BINS) / BINS), GOLD)
    assert bins["silver"].tolist() == [1] * BINS
    assert histogram(pairs([0.1 + 0.2, 0.3, 3 / 10]), GOLD)["silver"].max() == 3
