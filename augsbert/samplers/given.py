"""The pool's own pairs, without labels: what domain adaptation labels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from augsbert.pairs import Pool, candidate_pairs, distinct_sentences, places
from augsbert.ranges import check_count


class Given:
    """The pairs that the pool brings with it, all or so many of them drawn at random (arXiv 2010.08240, section 4).

    A pool that is a list of sentences has none.

    Args:
        num_pairs: pairs to draw, at least 1; where fewer exist, all of them come, as they do with None.
        seed: of the draw, at least 0; a smaller draw is a part of a larger one.

    Raises:
        UserError: an argument is out of its range.
    """

    VERSION = 1

    def __init__(self, num_pairs: int | None = None, seed: int = 0) -> None:
        if num_pairs is not None:
            check_count("num_pairs", num_pairs)
        check_count("seed", seed, least=0)
        self.num_pairs, self.seed = num_pairs, seed

    def __call__(self, pool: Pool, exclude: pd.DataFrame) -> pd.DataFrame:
        """Take the pairs.

        Args:
            pool: its ``pairs``.
            exclude: pairs that must not come, in either order.

        Returns:
            A table of ``sentence1``, ``sentence2``, ``origin``, in the pool's order and each pair as it stands there
            first.
        """
        sentences = distinct_sentences(pool.pairs)
        pairs = candidate_pairs(sentences, places(sentences, pool.pairs), "given", exclude)
        if self.num_pairs is None:
            return pairs
        drawn = np.random.default_rng(self.seed).permutation(len(pairs))[: self.num_pairs]
        return pairs.iloc[np.sort(drawn)].reset_index(drop=True)
