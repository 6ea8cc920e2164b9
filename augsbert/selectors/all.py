"""The selector that selects nothing away: every scored pair becomes silver."""

from __future__ import annotations

import pandas as pd


class All:
    """Keep every scored pair, as the paper does after BM25 and semantic search (arXiv 2010.08240, section 3.1)."""

    VERSION = 1

    def __call__(self, scored: pd.DataFrame, gold: pd.DataFrame) -> pd.DataFrame:
        """Return ``scored`` as it is.

        Args:
            scored: candidates with ``sentence1``, ``sentence2``, ``score`` and ``origin``.
            gold: the pairs that the labeller learnt from; not read.
        """
        return scored
