"""Silver's scores beside gold's: the histogram, two figures, and the warning that silver has collapsed.

Users of AugSBERT find out late that the cross-encoder called everything negative; here it is said before training.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

POSITIVE_FROM = 0.5
"""A score from here on counts as positive, for either task."""

BINS = 20
_NARROW = 0.02
_LEVELS = " .:-=+*#%@"


def histogram(silver: pd.DataFrame, gold: pd.DataFrame) -> pd.DataFrame:
    """Count both tables' scores in the same `BINS` bins of 0..1.

    Returns:
        A row per bin: ``low``, ``high`` (the last bin holds 1.0), and the counts ``silver`` and ``gold``.
    """
    edges = np.arange(BINS + 1) / BINS
    counts = {"silver": _counts(silver), "gold": _counts(gold)}
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], **counts})


def figures(silver: pd.DataFrame, gold: pd.DataFrame) -> dict[str, float]:
    """What the histogram comes to, by the keys under which it is logged.

    Returns:
        ``silver/positives`` and ``gold/positives``, shares (0..1) of scores from `POSITIVE_FROM` on, and ``silver/kl``,
        the divergence KL(silver || gold) in nats between the histograms, with one pair added to each bin so that it is
        finite: 0 where they have one shape.
    """
    bins = histogram(silver, gold)
    silver_share, gold_share = ((bins[name] + 1) / (bins[name] + 1).sum() for name in ("silver", "gold"))
    return {
        "silver/positives": positives(silver),
        "gold/positives": positives(gold),
        "silver/kl": float((silver_share * np.log(silver_share / gold_share)).sum()),
    }


def positives(pairs: pd.DataFrame) -> float:
    """The share (0..1) of scores from `POSITIVE_FROM` on; 0 for a table without rows."""
    return float((pairs["score"] >= POSITIVE_FROM).mean()) if len(pairs) else 0.0


def collapse_warning(silver: pd.DataFrame, gold: pd.DataFrame) -> str | None:
    """Say so when silver can teach nothing: its scores are nearly one value, or none is positive though gold has some.

    Args:
        silver: scored pairs, one row or more.
        gold: the pairs that the labeller learnt from.

    Returns:
        One line with silver's histogram, from score 0 to 1, or None when nothing is wrong.
    """
    spread = float(silver["score"].std(ddof=0))
    if spread < _NARROW:
        problem = f"nearly one value (mean {silver['score'].mean():.3f}, standard deviation {spread:.3f})"
    elif positives(silver) == 0 < positives(gold):
        problem = f"all below {POSITIVE_FROM}, while {positives(gold):.0%} of gold are not"
    else:
        return None
    bars = sparkline(histogram(silver, gold)["silver"].to_numpy())
    return f"silver has collapsed: the {len(silver):,} scores are {problem}; 0 [{bars}] 1. Look at the labeller first."


def sparkline(counts: np.ndarray) -> str:
    """One character per count, as dark as its share of the largest; a count above 0 is never blank."""
    levels = np.ceil(counts / max(counts.max(), 1) * (len(_LEVELS) - 1)).astype(int)
    return "".join(_LEVELS[level] for level in levels)


def _counts(pairs: pd.DataFrame) -> np.ndarray:
    """Counts (BINS,); a score such as 0.3, whose float may lie a hair below the edge, is in the bin from 0.3 on."""
    bins = (pairs["score"].to_numpy(dtype=np.float64) * BINS + 1e-9).astype(int).clip(0, BINS - 1)
    return np.bincount(bins, minlength=BINS)
