"""Silver with a flat distribution of scores: as many pairs of each class, or of each part of the scale."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from augsbert.pairs import Evidence
from augsbert.ranges import check_count

log = logging.getLogger(__name__)


class Balance:
    """Keep the same number of pairs in each bin of the scale, drawn at random where a bin has more.

    The bins divide 0..1 evenly; a score on an edge is in the upper one, 1.0 in the last. Labels 0 and 1 fall into the
    first and the last bin, so binarised pairs come out with two classes of one size, whatever ``bins`` is.

    Args:
        bins: at least 2.
        per_bin: pairs of a bin that are kept at most, at least 1: a bin that has fewer keeps them all. None takes the
            number in the smallest bin that is not empty, which makes all of them equal.
        seed: of the draw, at least 0; a smaller ``per_bin`` keeps a part of what a larger one keeps.

    Raises:
        UserError: an argument is out of its range.
    """

    VERSION = 1

    def __init__(self, bins: int = 10, per_bin: int | None = None, seed: int = 0) -> None:
        check_count("bins", bins, least=2)
        if per_bin is not None:
            check_count("per_bin", per_bin)
        check_count("seed", seed, least=0)
        self.bins, self.per_bin, self.seed = bins, per_bin, seed

    def __call__(self, scored: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
        """Even out.

        Args:
            scored: candidates with ``score``.
            evidence: not read.

        Returns:
            The rows of ``scored`` that are kept, in their order.
        """
        if scored.empty:
            return scored
        bins = self._bins(scored["score"].to_numpy(dtype=np.float64))
        sizes = np.bincount(bins, minlength=self.bins)
        most = self.per_bin or int(sizes[sizes > 0].min())
        drawn = np.random.default_rng(self.seed).permutation(len(scored))
        rank = pd.Series(bins[drawn]).groupby(bins[drawn]).cumcount().to_numpy()
        kept = scored.iloc[np.sort(drawn[rank < most])]
        log.info("balance kept %d of %d pairs: at most %d of a bin; bins had %s", len(kept), len(scored), most, sizes)
        return kept

    def _bins(self, scores: np.ndarray) -> np.ndarray:
        # The float nearest to 0.3 may lie a hair below the edge.
        return (scores * self.bins + 1e-9).astype(np.int64).clip(0, self.bins - 1)
