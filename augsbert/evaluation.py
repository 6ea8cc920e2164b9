"""From scores to metrics: pure functions, the same for every encoder, equal to SciPy's and scikit-learn's values.

Scores are lifted to float64 first. Where they tell nothing (a nan or infinity among them, all equal, fewer than two) or
the gold does not (all equal), every metric is nan and one warning is logged: an hour's run does not end in a traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal

import numpy as np

log = logging.getLogger(__name__)

PRIMARY = {"regression": "spearman", "binary": "average_precision"}
"""For each task, the metric that models are chosen by."""

NAMES = {
    "regression": ["spearman", "pearson"],
    "binary": ["average_precision", "roc_auc", "auc_005", "roc_auc_max_fpr_005", "f1", "accuracy"],
}
"""For each task, the metrics in the order of `metrics`; ``f1`` and ``accuracy`` need thresholds."""

MAX_FPR = 0.05
"""Up to which false-positive rate the partial areas go."""


def metrics(
    scores: np.ndarray,
    gold: np.ndarray,
    task: Literal["regression", "binary"],
    thresholds: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Compare an encoder's scores with gold.

    Args:
        scores: (n,), any real numbers of which more means more alike.
        gold: (n,), scores (regression), or labels 0 and 1 (binary; soft ones are positive from 0.5 on).
        task: which metrics: ``NAMES[task]``.
        thresholds: for a binary task, what `best_thresholds` found on dev; None leaves ``f1`` and ``accuracy`` out.

    Returns:
        Name to value, in the metrics' natural range (correlations -1..1, all others 0..1).
    """
    scores, gold = np.asarray(scores, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    names = [name for name in NAMES[task] if thresholds is not None or name not in ("f1", "accuracy")]
    if problem := _problem(scores, gold if task == "regression" else _positive(gold)):
        log.warning("%s: %s are nan", problem, ", ".join(names))
        return dict.fromkeys(names, float("nan"))
    if task == "regression":
        return _correlations(scores, gold)
    return _rankings(scores, gold >= 0.5) | _decisions(scores, gold >= 0.5, thresholds or {})


def best_thresholds(scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Find the thresholds from which on a pair counts as positive (score >= threshold), for F1 and for accuracy.

    Exact: every way to cut the sorted scores is tried. A threshold lies midway between two neighbouring scores, is the
    lowest score (all are positive) or just above the highest (none is); among equally good cuts the highest is taken.

    Args:
        scores: (n,), of the dev pairs.
        labels: (n,), 0 and 1; soft ones are positive from 0.5 on.

    Returns:
        ``f1`` and ``accuracy``, finite; or both nan, with one warning, where scores or labels tell nothing.
    """
    scores, gold = np.asarray(scores, dtype=np.float64), _positive(np.asarray(labels, dtype=np.float64))
    if problem := _problem(scores, gold):
        log.warning("%s: no thresholds for f1 and accuracy", problem)
        return {"f1": float("nan"), "accuracy": float("nan")}
    values, cut = np.unique(scores, return_inverse=True)
    positives = np.bincount(cut, weights=gold)[::-1].cumsum()
    predicted = np.bincount(cut)[::-1].cumsum()
    cuts = _cuts(values)
    f1 = 2 * positives / (predicted + positives[-1])
    right = np.concatenate([[0], 2 * positives - predicted])
    return {"f1": float(cuts[1:][np.argmax(f1)]), "accuracy": float(cuts[np.argmax(right)])}


def _positive(labels: np.ndarray) -> np.ndarray:
    """Soft labels as 0.0 and 1.0."""
    return (labels >= 0.5).astype(np.float64)


def _problem(scores: np.ndarray, gold: np.ndarray) -> str | None:
    """Why nothing can be measured, or None."""
    if len(scores) < 2:
        return f"{len(scores)} scored pairs are too few to measure"
    if bad := int((~np.isfinite(scores)).sum()):
        return f"{bad} of {len(scores)} scores are nan or infinite"
    for name, values in (("scores", scores), ("gold scores", gold)):
        if (values == values[0]).all():
            return f"all {len(values)} {name} are {values[0]:g}"
    return None


def _correlations(scores: np.ndarray, gold: np.ndarray) -> dict[str, float]:
    from scipy.stats import pearsonr, spearmanr

    return {"spearman": float(spearmanr(scores, gold).statistic), "pearson": float(pearsonr(scores, gold).statistic)}


def _rankings(scores: np.ndarray, positive: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    return {
        "average_precision": float(average_precision_score(positive, scores)),
        "roc_auc": float(roc_auc_score(positive, scores)),
        "auc_005": auc_005(scores, positive),
        "roc_auc_max_fpr_005": float(roc_auc_score(positive, scores, max_fpr=MAX_FPR)),
    }


def auc_005(scores: np.ndarray, labels: np.ndarray) -> float:
    """AUC(0.05) of the duplicate-question papers (Shah et al. 2018; their qra_code, ``utils/meter.py``).

    The trapezoid area under the ROC, divided by 0.05. As there, the curve ends at its last false-positive rate *below*
    0.05, so a perfect ranking reaches 1 only in the limit (0.998 with 10,000 negatives, 0.8 with 100, 0 with 20 or
    fewer). There the order of tied scores is left to the sort; here the curve crosses a tie in a straight line.

    Args:
        scores: (n,), finite.
        labels: (n,), 0 and 1, both present.
    """
    from sklearn.metrics import auc, roc_curve

    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    negatives = int((~np.asarray(labels, dtype=bool)).sum())
    rates = np.arange(negatives + 1) / negatives
    end = rates[rates < MAX_FPR][-1]
    inside = false <= end
    false, true = np.append(false[inside], end), np.append(true[inside], np.interp(end, false, true))
    return float(auc(false, true)) / MAX_FPR


def _decisions(scores: np.ndarray, positive: np.ndarray, thresholds: Mapping[str, float]) -> dict[str, float]:
    """F1 and accuracy at the thresholds that are there; nan where a threshold is."""
    measures = {"f1": _f1, "accuracy": lambda predicted, positive: float((predicted == positive).mean())}
    return {
        name: measures[name](scores >= threshold, positive) if np.isfinite(threshold) else float("nan")
        for name, threshold in thresholds.items()
    }


def _f1(predicted: np.ndarray, positive: np.ndarray) -> float:
    return float(2 * (predicted & positive).sum() / (predicted.sum() + positive.sum()))


def _cuts(values: np.ndarray) -> np.ndarray:
    """Thresholds (m + 1,) that cut distinct sorted scores (m,), highest first.

    The midpoint of two neighbouring floats rounds to one of them; the upper one cuts as the midpoint would.
    """
    low, high = values[:-1], values[1:]
    middle = low / 2 + high / 2
    middle = np.where((low < middle) & (middle <= high), middle, high)
    return np.concatenate([values[:1], middle, [np.nextafter(values[-1], np.inf)]])[::-1]
