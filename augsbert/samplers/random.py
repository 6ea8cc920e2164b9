"""Pairs drawn at random: the paper's weakest sampler, kept as the yardstick of the others."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from augsbert.pairs import Pool, candidate_pairs, places
from augsbert.ranges import check_count


class Random:
    """Distinct unordered pairs of the pool's sentences, drawn uniformly without replacement.

    Most of them are unrelated, so the labels lean to the low end (arXiv 2010.08240, section 3.1). It is the numbers of
    the n(n-1)/2 pairs that are drawn: memory grows with ``num_pairs``, not with the pool's pairs.

    Args:
        num_pairs: pairs to draw, at least 1; where fewer exist, all of them come.
        seed: of the draw, at least 0.

    Raises:
        UserError: an argument is out of its range.
    """

    VERSION = 1

    def __init__(self, num_pairs: int, seed: int) -> None:
        check_count("num_pairs", num_pairs)
        check_count("seed", seed, least=0)
        self.num_pairs, self.seed = num_pairs, seed

    def __call__(self, pool: Pool, exclude: pd.DataFrame) -> pd.DataFrame:
        """Draw candidates.

        Args:
            pool: the sentences to pair.
            exclude: pairs that must not come, in either order.

        Returns:
            A table of ``sentence1``, ``sentence2``, ``origin``, in the order drawn.
        """
        sentences = list(dict.fromkeys(pool.sentences))
        banned = np.unique(_number(places(sentences, exclude)))
        free = math.comb(len(sentences), 2) - len(banned)
        rng = np.random.default_rng(self.seed)
        drawn = rng.choice(free, size=min(self.num_pairs, free), replace=False)
        return candidate_pairs(sentences, _pair(_step_over(drawn, banned)), "random", exclude)


def _number(rows: np.ndarray) -> np.ndarray:
    """Pairs (low, high) to numbers without gaps: (0, 1), (0, 2), (1, 2), (0, 3), ...; self-pairs are left out."""
    low, high = rows.min(axis=1), rows.max(axis=1)
    return (high * (high - 1) // 2 + low)[low < high]


def _pair(numbers: np.ndarray) -> np.ndarray:
    """The inverse of ``_number``: int array (m,) to (m, 2). Exact up to 2**50, some 47 million sentences."""
    high = (1 + np.sqrt(8.0 * numbers + 1)).astype(np.int64) // 2
    return np.column_stack([numbers - high * (high - 1) // 2, high])


def _step_over(drawn: np.ndarray, banned: np.ndarray) -> np.ndarray:
    """Turn ranks among the free numbers into numbers: add how many ``banned`` ones (ascending) come before."""
    return drawn + np.searchsorted(banned - np.arange(len(banned)), drawn, side="right")
