"""Scores to labels 0 and 1: for a binary target whose silver comes from a labeller with a scale of its own."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
import pandas as pd

from augsbert.errors import UserError
from augsbert.pairs import Evidence
from augsbert.ranges import check_choice, check_inside, check_number

log = logging.getLogger(__name__)


class Binarise:
    """Turn each score into 1.0 where it reaches a threshold, else into 0.0; no pair is dropped.

    The article cuts at 0.5, which calls most of Quora's pairs duplicates when the labeller learnt from STSb. The other
    methods set the threshold so that

    - ``quantile``: this part of the pairs lies below it;
    - ``prior``: as many are positive as are expected to be;
    - ``source_dev``: the labeller's own scores separate the source's dev pairs best, by F1. As in augsbert.evaluation
      the threshold lies midway between two of those scores; of equally good ones the highest is taken.

    The target's labels are read by none of them. With ``quantile`` and ``prior`` equal scores get one label, so more
    pairs may become positive than asked for; at least one does.

    Args:
        method: ``fixed``, ``quantile``, ``prior`` or ``source_dev``.
        threshold: of ``fixed``, between 0 and 1.
        quantile: of ``quantile``, the part that becomes negative, between 0 and 1.
        positive_share: of ``prior``, the part that becomes positive, between 0 and 1; None takes that of gold.
        positive_from: gold and dev scores from here on count as positive, 0..1; ``prior`` and ``source_dev`` read it.

    Raises:
        UserError: an argument is out of its range.
    """

    VERSION = 1

    def __init__(
        self,
        method: Literal["fixed", "quantile", "prior", "source_dev"] = "fixed",
        threshold: float = 0.5,
        quantile: float = 0.5,
        positive_share: float | None = None,
        positive_from: float = 0.5,
    ) -> None:
        check_choice("method", method, ["fixed", "quantile", "prior", "source_dev"])
        check_inside("threshold", threshold)
        check_inside("quantile", quantile)
        if positive_share is not None:
            check_inside("positive_share", positive_share)
        check_number("positive_from", positive_from, 0, 1)
        self.method, self.threshold, self.quantile = method, threshold, quantile
        self.positive_share, self.positive_from = positive_share, positive_from

    @property
    def reads_dev(self) -> bool:
        """Whether it asks how the labeller scores the source's dev pairs."""
        return self.method == "source_dev"

    def __call__(self, scored: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
        """Binarise.

        Args:
            scored: candidates with ``score``.
            evidence: ``prior`` reads its gold, ``source_dev`` its dev pairs.

        Returns:
            All rows of ``scored``, in their order; ``score`` is 0.0 or 1.0.

        Raises:
            UserError: all pairs get the same label, or the source's dev pairs have but one.
        """
        if scored.empty:
            return scored
        scores = scored["score"].to_numpy(dtype=np.float64)
        threshold = self._threshold(scores, evidence)
        positive = scores >= threshold
        log.info("binarised at %.4f (%s): %.1f %% are positive", threshold, self.method, 100 * positive.mean())
        if positive.all() or not positive.any():
            raise UserError(
                f"method={self.method}: at the threshold {threshold:.4f} {positive.mean():.0%} of the {len(scores):,} "
                f"pairs are positive and {1 - positive.mean():.0%} negative; their scores are {scores.min():.4f}.."
                f"{scores.max():.4f}. Choose another threshold"
                + (", or a labeller that tells pairs apart." if self.method == "quantile" else ", or method=quantile.")
            )
        return scored.assign(score=positive.astype(np.float64))

    def _threshold(self, scores: np.ndarray, evidence: Evidence) -> float:
        if self.method == "fixed":
            return self.threshold
        if self.method == "source_dev":
            dev = evidence.dev()
            return _best_f1(dev["prediction"].to_numpy(dtype=np.float64), self._positive(dev))
        share = 1 - self.quantile
        if self.method == "prior":
            share = self._positive(evidence.gold).mean() if self.positive_share is None else self.positive_share
        return _reached_by(share, scores)

    def _positive(self, gold: pd.DataFrame) -> np.ndarray:
        return gold["score"].to_numpy() >= self.positive_from


def _reached_by(share: float, scores: np.ndarray) -> float:
    """The score that this part of the scores, rounded to whole pairs and at least one, reaches."""
    count = max(1, round(share * len(scores)))
    return float(np.sort(scores)[-count])


def _best_f1(predictions: np.ndarray, positive: np.ndarray) -> float:
    """The threshold with the highest F1 = 2 TP / (2 TP + FP + FN), of all that cut the predictions differently."""
    if positive.all() or not positive.any():
        raise UserError(
            f"method=source_dev: {positive.mean():.0%} of the source's {len(positive):,} dev pairs are positive. "
            "Move positive_from, or choose method=prior."
        )
    values, place = np.unique(predictions, return_inverse=True)
    found = np.bincount(place, positive)[::-1].cumsum()
    called = np.bincount(place)[::-1].cumsum()
    best = len(values) - 1 - int(np.argmax(2 * found / (called + found[-1])))
    if best == 0:
        return float(values[0])
    low, high = values[best - 1 : best + 1]
    # Midway between neighbouring floats is the lower one of them, which must stay below.
    return float(max((low + high) / 2, np.nextafter(low, high)))
