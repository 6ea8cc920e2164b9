"""The selector that selects nothing away: every scored pair becomes silver."""

from __future__ import annotations

import pandas as pd

from augsbert.pairs import Evidence


class All:
    """Keep every scored pair, as the paper does after BM25 and semantic search (arXiv 2010.08240, section 3.1)."""

    VERSION = 1

    def __call__(self, scored: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
        """Return ``scored`` as it is.

        Args:
            scored: candidates with ``sentence1``, ``sentence2``, ``score`` and ``origin``.
            evidence: what the labeller learnt from; not read.
        """
        return scored
