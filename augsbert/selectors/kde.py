"""Silver with gold's distribution of scores: pairs whose score is commoner in silver than in gold are thinned out."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from augsbert.errors import UserError
from augsbert.pairs import Evidence
from augsbert.ranges import check_count, check_number, check_share

log = logging.getLogger(__name__)

# A narrower kernel needs a grid that is too fine, and stands for scores that are nearly one value.
_NARROWEST = 1e-5
_STEPS = 50  # grid steps in a bandwidth: the density is then within 0.1 % of the direct sum, save far out in its tails
_REACH = 8  # bandwidths after which a kernel counts for nothing (1e-14 of its height)


class KDE:
    """Keep a pair with a probability that makes silver's scores fall as gold's do (arXiv 2010.08240, section 3.1).

    With Gaussian kernel density estimates F_gold and F_silver of the two sets of scores, a pair of score s is kept with

        ``Q(s) = min(1, scale * F_gold(s) / F_silver(s))``

    in one pass. ``scale = 1`` is the paper's. It cuts down the scores of which silver has too many and cannot add those
    of which it has too few, so what is left is spread as min(F_gold, F_silver). A smaller ``scale`` keeps fewer pairs
    and comes nearer to gold, which it meets where ``scale * F_gold <= F_silver`` for all s.

    Args:
        scale: above 0 and up to 1.
        bandwidth: standard deviation of both kernels in units of the score, 0.00001..1; None takes Scott's rule as
            SciPy does, each set's standard deviation times (its size)^(-1/5).
        seed: of the draw, at least 0.

    Raises:
        UserError: an argument is out of its range.
    """

    VERSION = 1

    def __init__(self, scale: float = 1.0, bandwidth: float | None = None, seed: int = 0) -> None:
        check_share("scale", scale)
        if bandwidth is not None:
            check_number("bandwidth", bandwidth, _NARROWEST, 1)
        check_count("seed", seed, least=0)
        self.scale, self.bandwidth, self.seed = scale, bandwidth, seed

    def __call__(self, scored: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
        """Draw silver.

        Args:
            scored: candidates with ``score``.
            evidence: its ``gold`` is what silver is to be like.

        Returns:
            The rows of ``scored`` that are kept, in their order.

        Raises:
            UserError: gold or silver has so few or so equal scores that no bandwidth follows from them.
        """
        if scored.empty:
            return scored
        chances = self.acceptance(scored["score"].to_numpy(), evidence.gold["score"].to_numpy())
        kept = scored[np.random.default_rng(self.seed).random(len(scored)) < chances]
        log.info("kde kept %d of %d pairs", len(kept), len(scored))
        return kept

    def acceptance(self, silver: np.ndarray, gold: np.ndarray) -> np.ndarray:
        """The probability Q(s) of each silver score.

        Args:
            silver: (n,) scores.
            gold: (m,) scores.

        Returns:
            Float64 array (n,), 0..1.

        Raises:
            UserError: as when called.
        """
        silver, gold = silver.astype(np.float64), gold.astype(np.float64)
        wanted = density(gold, silver, self.bandwidth or _bandwidth(gold, "gold"))
        present = density(silver, silver, self.bandwidth or _bandwidth(silver, "silver"))
        return np.minimum(1, self.scale * wanted / present)


def density(scores: np.ndarray, at: np.ndarray, bandwidth: float) -> np.ndarray:
    """The Gaussian kernel density estimate of ``scores``, by way of a grid: a million of them take under a second.

    Each score is shared out between its two neighbours on the grid (linear binning), the grid is convolved with the
    kernel, and the points between are interpolated.

    Args:
        scores: (m,), at least one.
        at: (n,) points.
        bandwidth: the kernel's standard deviation.

    Returns:
        Float64 array (n,); 0 beyond 8 bandwidths of all scores.

    Raises:
        UserError: there are no scores.
    """
    if not len(scores):
        raise UserError("gold has no pairs: there is no distribution that silver could take on.")
    step, reach = bandwidth / _STEPS, _REACH * _STEPS
    start = scores.min() - reach * step
    cell, share = np.divmod((scores - start) / step, 1)
    size = int(cell.max()) + reach + 2
    places = cell.astype(np.int64)
    counts = np.bincount(places, 1 - share, size) + np.bincount(places + 1, share, size)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _STEPS) ** 2) / (bandwidth * np.sqrt(2 * np.pi))
    values = np.convolve(counts, kernel, mode="same") / len(scores)
    return np.interp(at, start + step * np.arange(size), values, left=0, right=0)


def _bandwidth(scores: np.ndarray, name: str) -> float:
    """Scott's rule, as ``scipy.stats.gaussian_kde`` has it in one dimension."""
    width = float(scores.std(ddof=1)) * len(scores) ** -0.2 if len(scores) > 1 else 0.0
    if width < _NARROWEST:
        told = f"{scores.min():.4f}..{scores.max():.4f}" if len(scores) else "none"
        raise UserError(
            f"bandwidth=null: none follows from the {len(scores):,} scores of {name} ({told}), which are too few or "
            f"too much alike. Set a bandwidth, such as 0.05, or keep all pairs with selector=all."
        )
    return width
