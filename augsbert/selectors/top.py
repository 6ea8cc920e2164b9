"""The pairs at an end of the scale: those that the labeller finds most, or least, alike."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from augsbert.pairs import Evidence
from augsbert.ranges import check_choice, check_count, check_share


class Top:
    """Keep the pairs with the highest scores, with the lowest, or as many of each.

    Of equal scores those are kept that stand first in the table.

    Args:
        share: part of all pairs that is kept, above 0 and up to 1, rounded to whole pairs, at least one.
        size: pairs that are kept at most, at least 1; None sets no limit.
        end: ``highest``, ``lowest``, or ``both``: half from each end, the odd pair from the high one.

    Raises:
        UserError: an argument is out of its range.
    """

    VERSION = 1

    def __init__(
        self, share: float = 0.5, size: int | None = None, end: Literal["highest", "lowest", "both"] = "highest"
    ) -> None:
        check_share("share", share)
        if size is not None:
            check_count("size", size)
        check_choice("end", end, ["highest", "lowest", "both"])
        self.share, self.size, self.end = share, size, end

    def __call__(self, scored: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
        """Take the ends.

        Args:
            scored: candidates with ``score``.
            evidence: not read.

        Returns:
            The rows of ``scored`` that are kept, in their order.
        """
        count = min(len(scored), max(1, round(self.share * len(scored))), self.size or len(scored))
        high = {"highest": count, "lowest": 0, "both": (count + 1) // 2}[self.end]
        scores = scored["score"].to_numpy()
        rising = np.argsort(scores, kind="stable")
        falling = np.argsort(-scores, kind="stable")
        upper = falling[:high]
        # Where all scores are equal both ends begin with the same rows.
        lower = rising[~np.isin(rising, upper)][: count - high]
        return scored.iloc[np.sort(np.concatenate([upper, lower]))]
