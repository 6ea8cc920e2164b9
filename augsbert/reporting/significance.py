"""Is a difference more than chance? Over seeds, and over test pairs; pure functions.

Over seeds a paired t-test asks whether another seed would tell the same. Over pairs a bootstrap asks whether other test
pairs would: every resample draws pairs with replacement, the same ones for both encoders and for all seeds, and a
seed's metric is averaged over seeds (Berg-Kirkpatrick et al. 2012; Efron & Tibshirani 1993). Right and wrong labels are
compared by McNemar's test. Of many comparisons the p-values are raised after Holm (1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Labels that differ, from which on the normal distribution is near enough to the sign test.
_ENOUGH = 50


class Compared(NamedTuple):
    """A difference between two encoders, and the share that it closes of the gap to a third one.

    Of ``interval`` and ``share_interval`` (95 %) the bounds are quantiles of the resamples; ``share`` and its interval
    are nan without a third encoder, or where more than 2.5 % of the resamples do not show it to be better than the
    first. All are nan where a metric is.
    """

    difference: float
    interval: tuple[float, float]
    p_pairs: float
    share: float
    share_interval: tuple[float, float]


def compare(
    baselines: Sequence[np.ndarray], others: Sequence[np.ndarray], uppers: Sequence[np.ndarray | None]
) -> Compared:
    """What resampled metrics, each (1 + resamples,) and one of each seed, come to.

    Args:
        baselines: of the encoder that is compared with.
        others: of the other one.
        uppers: of a third one, None for a seed without it; the share is over the seeds that have all three.
    """
    fewest = min(map(len, baselines))  # of a large test set there are fewer, and seeds may draw sets of their own
    baselines, others = ([drawn[:fewest] for drawn in every] for every in (baselines, others))
    uppers = [None if drawn is None else drawn[:fewest] for drawn in uppers]
    gain = np.mean(others, axis=0) - np.mean(baselines, axis=0)
    drawn = gain[1:][~np.isnan(gain[1:])]
    if np.isnan(gain[0]) or not len(drawn):
        return Compared(float(gain[0]), _NONE, math.nan, math.nan, _NONE)
    trios = [trio for trio in zip(baselines, others, uppers, strict=True) if trio[2] is not None]
    share = _share(*np.mean(np.array(trios, dtype=float), axis=0)) if trios else (math.nan, _NONE)
    return Compared(float(gain[0]), _interval(drawn), _p_value(float(gain[0]), drawn), *share)


def _p_value(gain: float, drawn: np.ndarray) -> float:
    """Twice the smaller tail of the resamples, the sample itself counted in.

    Where no resample is beyond 0 their number would be the floor, under which no one of many rows passes Holm's bound:
    there, if it is lower, it is the tail of a normal distribution with the resamples' deviation.
    """
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    p = min(1.0, 2 * (tail + 1) / (len(drawn) + 1))
    deviation = float(drawn.std())
    return p if tail or not deviation else min(p, math.erfc(abs(gain) / deviation / math.sqrt(2)))


def _share(baseline: np.ndarray, other: np.ndarray, upper: np.ndarray) -> tuple[float, tuple[float, float]]:
    """The share of the gap that the gain closes; nan where it is not sure that there is a gap."""
    gain, gap = other - baseline, upper - baseline
    known = ~np.isnan(gain + gap)
    if not known[0] or gap[0] <= 0 or (gap[known] <= 0).mean() > 0.025:
        return math.nan, _NONE
    sure = known & (gap > 0)
    return float(gain[0] / gap[0]), _interval(gain[sure][1:] / gap[sure][1:])


_NONE = (math.nan, math.nan)


def _interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def over_seeds(baseline: np.ndarray, other: np.ndarray) -> float:
    """The p-value of a paired t-test over seeds, values (seeds,) of both; nan for fewer than two."""
    from scipy.stats import ttest_rel

    if len(baseline) < 2 or np.allclose(other - baseline, (other - baseline)[0]):
        return math.nan
    return float(ttest_rel(other, baseline).pvalue)


def mcnemar(right_before: np.ndarray, right_after: np.ndarray) -> float:
    """The p-value of McNemar's test without continuity correction; where few pairs' labels differ, that of its signs.

    Each difference might as well have been the other way round: exact of one seed, or where all differences are as
    large; of shares by SciPy's permutation test, whose draws are a floor of 1e-4 from 15 pairs on.

    Args:
        right_before: (n,) whether a pair's label was right, or the share of seeds under which it was.
        right_after: the same of the other encoder. With shares it is the test of a mean difference over pairs.
    """
    from scipy.stats import binomtest, permutation_test

    difference = np.asarray(right_after, dtype=float) - np.asarray(right_before, dtype=float)
    difference = difference[difference != 0]
    if not len(difference):
        return 1.0
    if len(difference) < _ENOUGH and len(set(np.abs(difference))) == 1:
        return float(binomtest(int((difference > 0).sum()), len(difference)).pvalue)
    if len(difference) < _ENOUGH:
        signs = {"permutation_type": "samples", "n_resamples": 2**14, "vectorized": True}
        return float(permutation_test((difference,), np.sum, **signs, rng=0).pvalue)
    return math.erfc(abs(float(difference.sum())) / math.sqrt(float((difference**2).sum())) / math.sqrt(2))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values raised so that the chance of any false find among all stays below the level; nan stay nan."""
    known = [(p, i) for i, p in enumerate(p_values) if p == p]
    raised, largest = list(p_values), 0.0
    for place, (p, i) in enumerate(sorted(known)):
        largest = max(largest, min(1.0, (len(known) - place) * p))
        raised[i] = largest
    return raised
